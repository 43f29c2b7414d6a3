#!/bin/bash
# bench/run-test.sh - that bench/run measures all that it says, and that what it
# makes of it is right: tables, goals, JSON and picture, from figures that are
# made up and known, and once from a short run.
# Perl is written in single quotes here.
# shellcheck disable=SC2016
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/support/say.sh
. "$here/../tests/support/say.sh"
# shellcheck source=tests/support/check.sh
. "$here/../tests/support/check.sh"

work=$(mktemp -d)
at_exit rm -rf "$work"

# rate GROUP ROW AGENT NUMBER...: one for each round.
rate() {
	local group=$1 row=$2 agent=$3 round=0 n

	shift 3
	for n in "$@"; do
		printf 'load\t%s\t%s\t%s\t%d\t{"per_second":%s,"p50_us":%s,"errors":%s,"operations":100}\n' \
		    "$group" "$row" "$agent" "$((round++))" "$n" \
		    "$((1000000 / n))" "${errors:-0}"
	done
}

report() {
	"$here/report.pl" "$@" "$work/results"
}

# well_formed FILE: every tag of the XML is closed, and nothing else is in it
# that would have to be escaped.
well_formed() {
	perl -0777 -ne '
		my @open;
		s/<[?!].*?>//gs;
		while (m{\G([^<]*)(?:<(/?)(\w+)((?:\s+[\w:-]+="[^"<&]*")*)\s*(/?)>|\z)}gc) {
			my ($text, $end, $name, $empty) = ($1, $2, $3, $5);
			die "stray &\n" if $text =~ /&(?!\w+;|#\d+;)/;
			last unless defined $name;
			if ($end) {
				$name eq (pop @open // "") or die "</$name>\n";
			} elsif (!$empty) {
				push @open, $name;
			}
		}
		die "open at the end: @open\n" if @open;
		die "not XML at " . pos() . "\n" if (pos() // 0) < length;
		die "no picture\n" unless /<rect/ && /<text/;' "$1"
}

# json FILE CODE: the Perl code, of which ${j} is what is in the file.
json() {
	perl -MJSON::PP -0777 -ne '$j = decode_json($_); BEGIN { $code = shift }
	    print eval $code; die $@ if $@;' "$2" "$1"
}

# --- made up -------------------------------------------------------------------

{
	rate one list socat 10 10 10 10 10
	# Ratios 5, 6, 1, 7, 8: of the medians of both it would be another one.
	rate one list bottle 50 60 10 70 80
	rate one list limit 50 100 10 100 100
	rate one rsa2048 socat 10 10 10
	rate one rsa2048 bottle 21 21 21
	rate one rsa3072 socat 100 200 400
	rate one rsa3072 bottle 126 252 504
	rate one list go 40 50 20 60 70
} >"$work/results"
printf 'before\n%s\nold\n%s\nbehind\n' \
    '<!-- bench/run writes what follows -->' \
    '<!-- bench/run wrote what precedes -->' >"$work/page.md"
check 'report of figures that are known' report --json "$work/json" \
    --svg "$work/svg" --markdown "$work/page.md"
out=$(report)

# is GOAL: its verdict and median.
is() {
	json "$work/json" "my (\$g) = grep { \$_->{goal} eq '$1' }
	    @{\$j->{goals}}; \$g->{verdict} . ' ' .
	    (\$g->{is} ? 0 + \$g->{is}{median} : '')"
}

check_same 'the median of the ratios, and ahead' 'ahead 6' \
    "$(is 'list, to ssh-agent + socat')"
check_has 'with its spread' "$out" '6.00 (1.00 to 8.00)'
check_same 'not met' 'not met 2.1' "$(is 'rsa2048, to ssh-agent + socat')"
check_same 'met, and not ahead' 'met 1.26' \
    "$(is 'rsa3072, to ssh-agent + socat')"
check_same 'not measured' 'not measured ' "$(is 'rsa2048, to limit')"
check_has 'least of all rows, and which' "$out" \
    'to the Go keyring, the least of all rows: list'
check_same 'a ratio below one is the least' 'not met 0.7' \
    "$({
		rate one churn go 10 10
		rate one churn bottle 7 7
		rate one ed25519 go 10 10
		rate one ed25519 bottle 90 90
	} >>"$work/results"
	report --json "$work/json" >"$work/out"
	is 'to the Go keyring, the least of all rows: churn')"
check_same 'what is around the tables stays' 'before behind ' \
    "$(sed -n '1p;$p' "$work/page.md" | tr '\n' ' ')"
check_lacks 'what was between them does not' "$(cat "$work/page.md")" old
cp "$work/page.md" "$work/again.md"
report --markdown "$work/again.md" >"$work/out"
report --markdown "$work/page.md" >"$work/out"
check 'writing once more changes nothing' cmp "$work/page.md" "$work/again.md"
check 'the picture is well formed' well_formed "$work/svg"
printf '<svg><rect/><text>a & b</text></svg>' >"$work/bad"
check_refused 'and one that is not is found' well_formed "$work/bad"

check_refused 'a group that is missing' report --wanted one,many
check 'none is missing' report --wanted one
cp "$work/results" "$work/right"
printf 'nonsense\n' >>"$work/results"
check_refused 'a line that is none' report
cp "$work/right" "$work/results"
errors=1 rate one list bottle 10 >>"$work/results"
check_refused 'a wrong reply of ours' report --wanted one

# --- a short run -----------------------------------------------------------------

status=0
"$here/run" --quick --json "$work/json" --svg "$work/svg" >"$work/out" \
    2>"$work/err" || status=$?
if [ "$status" -eq 77 ]; then
	[ "$checks_failed" -eq 0 ] || checks_end
	skip_all "$(sed -n 's/^SKIP: //p' "$work/out")"
fi
check_same 'a short run' "0 $(tail -n 5 "$work/err")" \
    "$status $(tail -n 5 "$work/err")"
# GROUP:ROW:AGENT:METRIC MEDIAN, one on a line.
json "$work/json" 'join "", map { my $g = $_; map { my $r = $_; map { my $a = $_;
    map { "$g:$r:$a:$_ $j->{groups}{$g}{$r}{$a}{$_}{median}\n" }
    sort keys %{$j->{groups}{$g}{$r}{$a}} }
    sort keys %{$j->{groups}{$g}{$r}} }
    sort keys %{$j->{groups}{$g}} } sort keys %{$j->{groups}}' >"$work/figures"
check_same 'all groups are there' \
    'backlog calls floor idle keys line many memory one start ' \
    "$(cut -d : -f 1 "$work/figures" | uniq | tr '\n' ' ')"
for title in 'One connection' 'The floor' 'Many connections' \
    'Beside connections' 'Beside slow signatures' 'Memory' 'asks of the kernel' \
    'first signature' 'With many keys' 'Connections made at once'; do
	check_has "table: $title" "$(grep '^### ' "$work/out")" "$title"
done
for name in bottle limit openssh; do
	check_same "all operations, by $name" \
	    'churn ecdsa256 ecdsa384 ecdsa521 ed25519 list rsa2048 rsa3072 rsa4096 ' \
	    "$(sed -n "s/^one:\(.*\):$name:per_second .*/\1/p" \
		"$work/figures" | tr '\n' ' ')"
done
while read -r figure; do
	check "figure: $figure" grep "^$figure [0-9]" "$work/figures"
done <<'FIGURES'
one:list:bottle:server_cpu_us
many:ed25519, pipeline 64:bottle:per_second
idle:list, 10 idle:bottle:p50_us
idle:ed25519, 10 slow:bottle:p50_us
line:4 rsa4096:bottle:p50_us
memory:0:bottle:private_kib
memory:10:bottle:processes
calls:ed25519:bottle:calls
calls:ed25519:bottle:switches
start:5:bottle:ms
keys:sign, 20:bottle:p50_us
FIGURES
check 'signatures were verified' \
    grep '^one:rsa4096:bottle:verified [1-9]' "$work/figures"
check 'its picture is well formed' well_formed "$work/svg"
checks_end
