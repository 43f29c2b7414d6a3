# shellcheck shell=sh disable=SC2154
# bottle-launch root|user PATH... -- ARGUMENT... - become the first of the
# programs that is there and, for root, is trusted.
#
# Behind trust.sh.

who=$1 found='' said='' first=$2
shift
while [ "$1" != -- ]; do
	if [ -n "$found" ] || [ ! -e "$1" ]; then
		:
	elif [ "$who" = root ] && ! trust "$1" -; then
		said="${said}bottle-launch: $why$nl"
	else
		[ "$who" = root ] || real=$1
		if [ -f "$real" ] && [ -x "$real" ]; then
			found=$real
		else
			said="${said}bottle-launch: $real: cannot be executed$nl"
		fi
	fi
	shift
done
shift
[ -z "$found" ] || exec "$found" "$@"
if [ -n "$said" ]; then
	printf %s "$said"
	exit 126
fi
printf 'bottle-launch: %s: is not there\n' "$first"
exit 127
