# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2034
# The harness of the demo's cases: a file is carried by TCP between two
# unmodified programs; then both ends, the RDMA device and shunt's log are
# asked what happened. A case sets some of the variables in defaults() and
# calls transfer; case_run judges it and writes one row. Between two guests a
# serves and b dials. Sourced by t/guest/demo after lib.sh.

cases=$(dirname "$0")/cases
memory=/run/demo			# shunt, programs and data
results=$SHUNT_GUEST_LOG/cases		# outlives the guests; both see it
longest=120				# seconds, of one program
mtu=4096				# the device's largest packet
few=8388608 many=67108864		# bytes

# As an init container would leave it. $1: where it was built.
cases_prepare()
{
	[ "$SHUNT_GUEST_DEVICE" != siw ] || siw_count 5000 5100 5200
	mkdir -p $memory/shunt $memory/bare "$results"
	cp "$1"/shunt "$1"/shunt-command "$1"/libshunt*.so $memory/shunt
	cp $memory/shunt/* $memory/bare
	rm -f $memory/bare/libshunt-rdma.so
	cp "$cases/transfer.py" "$cases/shunt.conf" $memory
	chmod 1777 $memory
	head -c $many /dev/urandom > $memory/data.$many
	head -c $few $memory/data.$many > $memory/data.$few
}

defaults()
{
	title=''
	size=$few
	tool=python		# or socat, or offer: python, server speaks first
	header=4		# python's, before the data
	server=shunt client=shunt	# or plain, bare (no bundle), limited
	port=5000
	family=4
	lane=rdma		# what is expected: tcp; none: no connection
	reason=on_rdma		# in the log of either side
	error=''		# the client's errno, with lane=none
}

# The device.

device_is_there()
{
	[ -e "/sys/class/infiniband/$SHUNT_T_DEV" ]
}

# Sent and received; of two hosts, the direction that the data takes.
packets()
{
	if ! device_is_there; then
		echo 0
	elif ! two_guests; then
		echo $((($(device_sent) + $(device_received)) / 2))
	elif serves; then
		device_received
	else
		device_sent
	fi
}

no_lanes()
{
	! rdma resource show qp | grep -q 'type RC'
}

silent()
{
	heard=$(packets)
	for moment in 1 2 3 4 5; do
		sleep 0.1
		[ "$(packets)" = "$heard" ] || return 1
	done
}

# Every lane is gone, and no packet comes or goes for half a second.
device_quiet()
{
	! device_is_there || { wait_for 15 no_lanes && wait_for 10 silent; }
}

# Run a command on a machine that has no RDMA device.
without_device()
{
	device_down
	"$@"
	device_up
}

# Run a command on a machine that has no librdmacm.
without_librdmacm()
{
	for library in /usr/lib/*/librdmacm.so.1; do
		mv "$library" "$library.away"
	done
	"$@"
	mv "$library.away" "$library"
}

# The programs.

# side WAY ROLE COMMAND...: becomes COMMAND, its log in $dir/ROLE.log.
side()
{
	way=$1 role=$2
	shift 2
	case $way in
	shunt | bare)
		set -- "$memory/$way/shunt" run --conf $memory/shunt.conf \
			-- "$@" ;;
	limited)
		# shellcheck disable=SC3045 # dash has it
		ulimit -l 64
		set -- setpriv --reuid 65534 --regid 65534 --clear-groups \
			$memory/shunt/shunt run --conf $memory/shunt.conf \
			-- "$@" ;;
	esac
	exec env -i PATH="$PATH" SHUNT_LOG_FD=9 timeout -k 1 $longest "$@" \
		9> "$dir/$role.log" > "$dir/$role.says" 2> "$dir/$role.errors"
}

addresses()
{
	case $family in
	4) own=$SHUNT_T_ADDR4 peer=$SHUNT_T_PEER4 at=$own to=$peer ;;
	6) own=$SHUNT_T_ADDR6 peer=$SHUNT_T_PEER6 at="[$own]" to="[$peer]" ;;
	esac
}

serve()
{
	case $tool in
	socat) set -- socat -u -b 65536 \
		"TCP$family-LISTEN:$port,bind=$at,reuseaddr" \
		"CREATE:$memory/received" ;;
	python) set -- python3 $memory/transfer.py serve "$own" "$port" \
		$memory/received "$header" ;;
	offer) set -- python3 $memory/transfer.py offer "$own" "$port" \
		"$memory/data.$size" "$header" ;;
	esac
	side "$server" server "$@"
}

dial()
{
	case $tool in
	socat) set -- socat -u -b 65536 \
		"OPEN:$memory/data.$size" "TCP$family:$to:$port" ;;
	python) set -- python3 $memory/transfer.py send "$peer" "$port" \
		"$memory/data.$size" "$header" ;;
	offer) set -- python3 $memory/transfer.py fetch "$peer" "$port" \
		$memory/received "$header" ;;
	esac
	side "$client" client "$@"
}

# socat does not say what it carried; the files do.
says()
{
	[ "$tool" != socat ] || {
		stat -c %s "$2"
		sha256sum < "$2" | cut -d' ' -f1
	} | paste -sd' ' > "$dir/$1.says"
}

listening()
{
	[ -n "$(ss -Hltn "sport = :$port")" ]
}

two_guests()
{
	[ "$SHUNT_T_PEER4" != "$SHUNT_T_ADDR4" ]
}

serves()
{
	[ "$SHUNT_T_ROLE" = a ]
}

dials()
{
	! two_guests || ! serves
}

# One connection, with the packets it took in $moved.
transfer()
{
	addresses
	rm -f $memory/received
	device_quiet || problem "the device is not quiet"
	before=$(packets)
	if serves; then
		serve &
		server_pid=$!
		wait_for 20 listening || problem "the server does not listen"
	fi
	! two_guests || peer_meet "$id.up"
	if dials; then
		dial &
		wait $! || echo $? > "$dir/client.failed"
		says client "$memory/data.$size"
	fi
	! two_guests || peer_meet "$id.dialled" $longest
	if serves; then
		[ ! -e "$dir/client.failed" ] || kill "$server_pid" 2>/dev/null
		wait "$server_pid" 2>/dev/null || [ -e "$dir/client.failed" ] ||
			problem "server: status $?"
		says server $memory/received
	fi
	device_quiet || problem "the device is not quiet afterwards"
	moved=$(($(packets) - before))
	if serves; then judge_packets server; else judge_packets client; fi
}

# What the log says.

# last FIELD LOG: its value in the last line that has one
last()
{
	sed -n "s/.* $1=\([^ ]*\).*/\1/p" "$2" 2>/dev/null | tail -n 1
}

# carried LOG: bytes by RDMA, both ways
carried()
{
	sent=$(last rdma_sent "$1") received=$(last rdma_received "$1")
	echo $((${sent:-0} + ${received:-0}))
}

# both FIELD: client's and server's value, once if they agree
both()
{
	{ last "$1" "$dir/client.log"; last "$1" "$dir/server.log"; } |
		uniq | paste -sd+
}

# A verdict of tcp leaves no line behind: ask the policy itself.
explained()
{
	$memory/shunt/shunt explain --porcelain --conf $memory/shunt.conf \
		--program "${tool%offer}" "$to:$port" |
		awk -F '\t' '$1 == "reason" { print $2 }'
}

# The verdict on a case.

problem()
{
	problems="${problems:+$problems; }$*"
}

judge_end()
{
	read -r bytes sum < "$dir/server.says"
	if [ "$bytes" = "$size" ] &&
	   cmp -s "$dir/client.says" "$dir/server.says"; then
		same=yes
	else
		problem "data differ"
	fi
	[ ! -e "$dir/client.failed" ] ||
		problem "client: status $(cat "$dir/client.failed")"
}

judge_error()
{
	same=- bytes=0
	read -r word sum < "$dir/client.says"
	[ "$word $sum" = "error $error" ] ||
		problem "connect: $word $sum, not $error"
}

# What the log of $1 says went by RDMA, the device has moved; and it is most.
judge_packets()
{
	carried=$(carried "$dir/$1.log")
	if [ "$lane" != rdma ]; then
		[ "$moved" = 0 ] || problem "packets on RDMA"
	elif [ "$carried" -lt $((size / 2)) ]; then
		problem "little by RDMA"
	elif [ "$moved" -lt $((carried / mtu)) ]; then
		problem "too few packets"
	fi
}

judge()
{
	lanes=$(both lane) reasons=$(both reason)
	: "${lanes:=tcp}" "${reasons:=$(explained)}"
	if [ "$lane" = none ]; then
		judge_error
		! grep -Eq ' (refused|failed): ' "$dir/client.log" || lanes=none
	else
		judge_end
	fi
	[ "$lanes" = "$lane" ] || problem "lane $lanes, not $lane"
	case +$reasons+ in
	*+"$reason"+*) ;;
	*) problem "reason $reasons, not $reason" ;;
	esac
}

row()
{
	printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$id" "$title" \
		"$lane" "$lanes" "$bytes" "$carried" "$moved" "$same" \
		"$reasons" "${problems:-yes}"
}

# Of two guests the one that dials judges, and hears of the other's problems.
case_run()
{
	id=$1 dir=$results/$1 problems='' moved=0 same=no bytes=0 carried=0
	mkdir -p "$dir"
	defaults
	"case_$id"
	if two_guests; then
		dials || echo "$problems" > "$dir/served"
		peer_meet "$id.over" $longest
		dials || return 0
		while read -r line; do
			[ -z "$line" ] || problem "$line"
		done < "$dir/served"
	fi
	judge
	row >> "$results/rows"
	say "$id: $title: ${problems:-ok}"
	[ -z "$problems" ] || wrong=$((wrong + 1))
}
