%% erlang: an echo server with gen_tcp, whose {packet, 4} does the frames of a 4-byte big-endian
%% length; at most 1 MiB.
%%
%%	erl -noshell -start_epmd false +S WORKERS -pa FOLDER -run peer_erlang main PORT
%%
%% A process a connection, some processes that accept. A socket becomes passive after 100 messages,
%% and is then made active again.
-module(peer_erlang).
-export([main/1]).

-define(MESSAGE_MAX, 1 bsl 20).
-define(ACCEPTORS, 8).
-define(MESSAGES, 100).

main([Port]) ->
    {ok, Listener} = gen_tcp:listen(list_to_integer(Port), [
        binary,
        {ip, {127, 0, 0, 1}},
        {packet, 4},
        {packet_size, ?MESSAGE_MAX},
        {active, false},
        {nodelay, true},
        {reuseaddr, true},
        {backlog, 4096}
    ]),
    [spawn_link(fun() -> accept(Listener) end) || _ <- lists:seq(1, ?ACCEPTORS)],
    receive
        stop -> ok
    end.

accept(Listener) ->
    case gen_tcp:accept(Listener) of
        {ok, Socket} ->
            Pid = spawn(fun() -> start(Socket) end),
            case gen_tcp:controlling_process(Socket, Pid) of
                ok -> Pid ! owner;
                {error, _} -> exit(Pid, kill)
            end;
        {error, _} ->
            ok
    end,
    accept(Listener).

start(Socket) ->
    receive
        owner -> ok
    end,
    inet:setopts(Socket, [{active, ?MESSAGES}]),
    serve(Socket).

serve(Socket) ->
    receive
        {tcp, Socket, Message} ->
            case gen_tcp:send(Socket, Message) of
                ok -> serve(Socket);
                {error, _} -> gen_tcp:close(Socket)
            end;
        {tcp_passive, Socket} ->
            inet:setopts(Socket, [{active, ?MESSAGES}]),
            serve(Socket);
        {tcp_closed, Socket} ->
            ok;
        {tcp_error, Socket, _} ->
            gen_tcp:close(Socket)
    end.
