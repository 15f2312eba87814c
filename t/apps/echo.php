<?php
// SPDX-License-Identifier: BSD-2-Clause
// By the sockets extension, which PHP loads with RTLD_DEEPBIND:
//	echo.php serve PORT		echoes, for ever
//	echo.php dial HOST PORT FILE	sends FILE, compares what comes back
function must($what)
{
    if ($what === false) {
        fwrite(STDERR, socket_strerror(socket_last_error()) . "\n");
        exit(1);
    }
    return $what;
}

$s = must(socket_create(AF_INET, SOCK_STREAM, SOL_TCP));
if ($argv[1] === 'serve') {
    must(socket_set_option($s, SOL_SOCKET, SO_REUSEADDR, 1));
    must(socket_bind($s, '0.0.0.0', (int)$argv[2]));
    must(socket_listen($s, 16));
    while (true) {
        $c = must(socket_accept($s));
        while (($data = must(socket_read($c, 65536))) !== '') {
            for ($sent = 0; $sent < strlen($data);)
                $sent += must(socket_write($c, substr($data, $sent)));
        }
        socket_close($c);
    }
}

$data = file_get_contents($argv[4]);
must(socket_connect($s, $argv[2], (int)$argv[3]));
for ($at = 0; $at < strlen($data); $at += $size) {
    $size = min(strlen($data) - $at, 40000);
    $piece = substr($data, $at, $size);
    for ($sent = 0; $sent < $size;)
        $sent += must(socket_write($s, substr($piece, $sent)));
    for ($back = ''; strlen($back) < $size;) {
        $r = [$s];
        $w = $e = null;
        must(socket_select($r, $w, $e, 20));
        $more = must(socket_read($s, $size - strlen($back)));
        if ($more === '')
            exit("the end at $at\n");
        $back .= $more;
    }
    if ($back !== $piece)
        exit("wrong bytes at $at\n");
}
socket_shutdown($s, 1);
echo must(socket_read($s, 10)) === '' ? "same\n" : "more\n";
