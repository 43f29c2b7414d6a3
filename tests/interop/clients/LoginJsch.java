import com.jcraft.jsch.ChannelExec;
import com.jcraft.jsch.JSch;
import com.jcraft.jsch.Session;
import com.jcraft.jsch.agentproxy.RemoteIdentityRepository;
import com.jcraft.jsch.agentproxy.connector.SSHAgentConnector;
import com.jcraft.jsch.agentproxy.usocket.JNAUSocketFactory;

/**
 * LoginJsch HOST USER KNOWN_HOSTS COMMAND: run it there, with the agent's keys
 * and no others, and print what it prints.
 */
public class LoginJsch {
	public static void main(String[] args) throws Exception {
		JSch jsch = new JSch();
		jsch.setKnownHosts(args[2]);
		jsch.setIdentityRepository(new RemoteIdentityRepository(
		    new SSHAgentConnector(new JNAUSocketFactory())));

		Session session = jsch.getSession(args[1], args[0], 22);
		session.setConfig("StrictHostKeyChecking", "yes");
		session.setConfig("PreferredAuthentications", "publickey");
		// The newest kind of host key that it knows.
		session.setConfig("server_host_key", "ecdsa-sha2-nistp256");
		session.connect(20000);

		ChannelExec channel = (ChannelExec) session.openChannel("exec");
		channel.setCommand(args[3]);
		channel.setInputStream(null);
		java.io.InputStream out = channel.getInputStream();
		channel.connect(20000);
		out.transferTo(System.out);
		System.out.flush();
		session.disconnect();
	}
}
