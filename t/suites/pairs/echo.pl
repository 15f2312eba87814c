# SPDX-License-Identifier: BSD-2-Clause
# pairs/run says what is spoken. A child a connection.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use Socket qw(IPPROTO_TCP TCP_NODELAY);

sub put {
	my ($to, $data) = @_;
	for (my $at = 0; $at < length $data;) {
		my $n = syswrite($to, $data, length($data) - $at, $at);
		die "write: $!" unless defined $n;
		$at += $n;
	}
}

sub echo {
	my ($peer) = @_;
	my $count = 0;
	while (my $n = sysread($peer, my $data, 50000)) {
		$count += $n;
		put($peer, $data);
	}
	put($peer, "$count\n");
	close $peer;
}

sub serve {
	my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
		Listen => 16, Proto => 'tcp') or die "listen: $@";
	$| = 1;
	$SIG{CHLD} = 'IGNORE';
	print $server->sockport, "\n";
	while (1) {
		my $peer = $server->accept or next;
		my $pid = fork;
		die "fork: $!" unless defined $pid;
		if ($pid == 0) {
			close $server;
			echo($peer);
			exit 0;
		}
		close $peer;
	}
}

sub talk {
	my ($port, $small, $large) = @_;
	my $total = 0;
	my $peer = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
		PeerPort => $port, Proto => 'tcp') or die "connect: $@";
	setsockopt($peer, IPPROTO_TCP, TCP_NODELAY, 1) or die "option: $!";
	my $select = IO::Select->new($peer);
	for my $size ((map { 1 + $_ % 97 } 0 .. $small - 1),
		      (65536) x $large) {
		my $data = pack 'C*', map { int rand 256 } 1 .. $size;
		my $back = '';
		put($peer, $data);
		while (length $back < $size) {
			$select->can_read(30) or die "nothing at $total\n";
			sysread($peer, $back, $size - length $back,
				length $back) or die "the end at $total\n";
		}
		die "wrong bytes at $total\n" if $back ne $data;
		$total += $size;
	}
	shutdown($peer, 1);
	local $/;
	my $rest = <$peer>;
	die "wrong count\n" if ($rest // '') ne "$total\n";
	print "ok $total\n";
}

$ARGV[0] eq 'serve' ? serve() : talk(@ARGV[1 .. 3]);
