<?php
// SPDX-License-Identifier: BSD-2-Clause
// pairs/run says what is spoken. Streams; one loop for all connections.
function put($to, $data)
{
    for ($at = 0; $at < strlen($data); $at += $n)
        if (($n = fwrite($to, substr($data, $at))) === false)
            exit("write\n");
}

function serve()
{
    $server = stream_socket_server('tcp://127.0.0.1:0', $code, $words);
    echo explode(':', stream_socket_get_name($server, false))[1], "\n";
    $peers = $counts = [];
    while (true) {
        $read = [$server, ...$peers];
        $write = $except = null;
        stream_select($read, $write, $except, null);
        foreach ($read as $one) {
            if ($one === $server) {
                $peer = stream_socket_accept($server);
                $peers[(int)$peer] = $peer;
                $counts[(int)$peer] = 0;
                continue;
            }
            $data = fread($one, 50000);
            if ($data === '' || $data === false) {
                put($one, $counts[(int)$one] . "\n");
                unset($peers[(int)$one]);
                fclose($one);
                continue;
            }
            $counts[(int)$one] += strlen($data);
            put($one, $data);
        }
    }
}

function talk($port, $small, $large)
{
    $sizes = [];
    for ($i = 0; $i < $small; $i++)
        $sizes[] = 1 + $i % 97;
    $sizes = array_merge($sizes, array_fill(0, $large, 65536));
    $peer = stream_socket_client("tcp://127.0.0.1:$port", $code, $words, 30);
    $total = 0;
    foreach ($sizes as $size) {
        $data = random_bytes($size);
        put($peer, $data);
        for ($back = ''; strlen($back) < $size; $back .= $more)
            if (($more = fread($peer, $size - strlen($back))) === '' ||
                $more === false)
                exit("the end at $total\n");
        if ($back !== $data)
            exit("wrong bytes at $total\n");
        $total += $size;
    }
    stream_socket_shutdown($peer, STREAM_SHUT_WR);
    echo stream_get_contents($peer) === "$total\n" ? "ok $total\n"
                                                   : "wrong count\n";
}

$argv[1] === 'serve' ? serve() : talk((int)$argv[2], (int)$argv[3], (int)$argv[4]);
