%% SPDX-License-Identifier: BSD-2-Clause
%% pairs/run says what is spoken. A process a connection, {active, once}.
-module(echo).
-mode(compile).
-export([main/1]).

main(["serve"]) ->
    {ok, Server} = gen_tcp:listen(0, [binary, {ip, {127, 0, 0, 1}},
                                      {active, false}, {exit_on_close, false}]),
    {ok, Port} = inet:port(Server),
    io:format("~b~n", [Port]),
    accept(Server);
main(["talk" | Numbers]) ->
    [Port, Small, Large] = [list_to_integer(N) || N <- Numbers],
    {ok, Peer} = gen_tcp:connect({127, 0, 0, 1}, Port,
                                 [binary, {active, false}, {nodelay, true},
                                  {exit_on_close, false}]),
    Sizes = [1 + I rem 97 || I <- lists:seq(0, Small - 1)] ++
        lists:duplicate(Large, 65536),
    Total = lists:foldl(fun(Size, At) -> exchange(Peer, Size, At) end, 0,
                        Sizes),
    ok = gen_tcp:shutdown(Peer, write),
    Count = list_to_binary(io_lib:format("~b~n", [Total])),
    {ok, Count} = gen_tcp:recv(Peer, byte_size(Count), 30000),
    {error, closed} = gen_tcp:recv(Peer, 0, 30000),
    io:format("ok ~b~n", [Total]).

accept(Server) ->
    {ok, Peer} = gen_tcp:accept(Server),
    Pid = spawn(fun() -> receive go -> echo(Peer, 0) end end),
    ok = gen_tcp:controlling_process(Peer, Pid),
    Pid ! go,
    accept(Server).

echo(Peer, Count) ->
    ok = inet:setopts(Peer, [{active, once}]),
    receive
        {tcp, Peer, Data} ->
            ok = gen_tcp:send(Peer, Data),
            echo(Peer, Count + byte_size(Data));
        {tcp_closed, Peer} ->
            ok = gen_tcp:send(Peer, io_lib:format("~b~n", [Count])),
            ok = gen_tcp:close(Peer)
    end.

exchange(Peer, Size, At) ->
    Data = rand:bytes(Size),
    ok = gen_tcp:send(Peer, Data),
    {ok, Data} = gen_tcp:recv(Peer, Size, 30000),
    At + Size.
