# SPDX-License-Identifier: BSD-2-Clause
# Perl's way to end a call that takes too long: alarm(2), and die() in the
# handler. With PERL_SIGNALS=unsafe it jumps out of the call itself. Only calls
# that nothing would end are cut: of others, what they had got would be lost, by
# TCP, too.
#	echo.pl serve PORT		echoes, a connection at a time, for ever
#	echo.pl dial HOST PORT FILE	sends FILE, compares what comes back
use strict;
use warnings;
use IO::Socket::INET;
use Time::HiRes qw(ualarm);

my $cut = 0;	# calls that took too long

# in_time MICROSECONDS, WHAT: its value; nothing: it took too long. A safe signal
# that comes between perl's look for one and read(2) cuts nothing, by TCP, too:
# there are more of them.
sub in_time {
	my ($us, $what) = @_;
	my $inside = 0;
	local $SIG{ALRM} = sub { die "late\n" if $inside };
	my $value = eval {
		$inside = 1;
		ualarm $us, 200_000;
		my $got = $what->();
		$inside = 0;
		$got;
	};
	$inside = 0;
	ualarm 0;
	if ($@) {
		die $@ if $@ ne "late\n";
		$cut++;
		return;
	}
	return $value;
}

sub put {
	my ($to, $data) = @_;
	for (my $at = 0; $at < length $data;) {
		my $n = syswrite $to, $data, length($data) - $at, $at;
		die "write: $!\n" unless defined $n;
		$at += $n;
	}
}

sub serve {
	my $server = IO::Socket::INET->new(LocalAddr => '0.0.0.0',
		LocalPort => $_[0], Listen => 16, ReuseAddr => 1)
		or die "listen: $@\n";
	while (1) {
		my $peer = $server->accept or next;
		while (my $n = sysread $peer, my $data, 65536) {
			put($peer, $data);
		}
		close $peer;
	}
}

sub dial {
	my ($host, $port, $file) = @_;
	open my $in, '<:raw', $file or die "$file: $!\n";
	local $/;
	my ($data, $at) = (scalar <$in>, 0);
	my $peer = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port)
		or die "connect: $@\n";
	while ($at < length $data) {
		my $piece = substr $data, $at, 40000;
		my ($back, $more) = ('');
		put($peer, $piece);
		while (length $back < length $piece) {
			my $n = sysread $peer, $more,
				length($piece) - length $back;
			die "the end at $at\n" unless $n;
			$back .= $more;
		}
		die "wrong bytes at $at\n" if $back ne $piece;
		$at += length $piece;
		in_time(2_000, sub { sysread $peer, $more, 1 });
	}
	shutdown $peer, 1;
	die "more\n" if sysread $peer, my $rest, 10;
	print $cut > 10 ? "same\n" : "only $cut calls were cut\n";
}

$ARGV[0] eq 'serve' ? serve($ARGV[1]) : dial(@ARGV[1 .. 3]);
