#!/usr/bin/env escript
%% -*- erlang -*-
%%
%% Records what a real OTP `supervisor` does, as data for our own supervisor's
%% tests. See README.md in this folder for the vocabulary.
%%
%%   escript record.escript [OUTPUT]               (default: otp-traces.json next to this file)
%%   escript record.escript --cases CASES OUTPUT    plays the cases in a file of Erlang terms instead,
%%                                                  which `npm run differential` makes by chance
%%
%% Two runs must give the same bytes, so nothing here waits by sleeping where a
%% message or a signal round trip can tell:
%%
%%  * Every event goes through one log process by a synchronous call. A child
%%    calls it from init and terminate, while its supervisor waits for it, so
%%    the order of the log is the order in which the supervisor worked.
%%  * After it made a process end, the driver waits for the monitor's DOWN and
%%    then asks is_process_alive/1. For an exiting process that call is answered
%%    at the very end of its exit, when all link signals are out: the exit is in
%%    the supervisor's mailbox before anything the driver sends next.
%%  * A failed restart is retried by a message which the supervisor sends to
%%    itself, so the driver repeats which_children until nobody is `restarting`.
%%  * To get something into the supervisor's mailbox at an exact moment, a child
%%    is held in init or terminate: the log simply does not answer it yet.

-module(record).
-mode(compile).
-export([main/1, start_worker/1, start_tree/1,
         init/1, handle_cast/2, handle_call/3, handle_info/2, terminate/2]).

main(Args) ->
    %% The crashes are on purpose; no reports.
    ok = logger:set_primary_config(level, none),
    process_flag(trap_exit, true),
    case Args of
        ["--cases", CasesFile, Output] ->
            {ok, Cases} = file:consult(CasesFile),
            write(Output, Cases, []);
        [Output] ->
            write(Output, cases(), invalid_specs());
        [] ->
            Folder = filename:dirname(escript:script_name()),
            write(filename:join(Folder, "otp-traces.json"), cases(), invalid_specs())
    end.

write(Output, Cases, InvalidSpecs) ->
    Names = [maps:get(name, C) || C <- Cases],
    [] = Names -- lists:usort(Names),
    ok = file:write_file(Output,
        ["{\"header\":", json(header()),
         ",\n\"cases\":[\n", lines([run_case(C) || C <- Cases]),
         "\n],\n\"invalidSpecs\":[\n", lines([run_invalid(S) || S <- InvalidSpecs]),
         "\n]}\n"]).

header() ->
    _ = application:load(stdlib),
    {ok, Stdlib} = application:get_key(stdlib, vsn),
    {[{about, <<"Traces of the OTP supervisor behaviour, made by record.escript; do not edit">>},
      {otpRelease, list_to_binary(erlang:system_info(otp_release))},
      {stdlib, list_to_binary(Stdlib)}]}.

lines(Objects) -> lists:join(",\n", [json(O) || O <- Objects]).

%%% ------------------------------------------------------------------
%%% The cases
%%% ------------------------------------------------------------------

strategies() -> [oneForOne, restForOne, oneForAll].
reasons()    -> [normal, shutdown, 'shutdown-detail', crashed, killed].
restarts()   -> [permanent, transient, temporary].

%% A minute: no case can leave the window by being slow, even on a loaded machine.
sup(Strategy)      -> sup(Strategy, 3).
sup(Strategy, Max) -> sup(Strategy, Max, never).
sup(Strategy, Max, Auto) ->
    #{strategy => Strategy, maxRestarts => Max, withinMs => 60000, autoShutdown => Auto}.

child(Id)                -> child(Id, permanent).
child(Id, Restart)       -> child(Id, Restart, #{}).
child(Id, Restart, More) -> More#{id => Id, restart => Restart}.

significant(Id, Restart) -> child(Id, Restart, #{significant => true}).

inner(Id, Restart, Sup, Children) -> inner(Id, Restart, Sup, Children, #{}).
inner(Id, Restart, Sup, Children, More) ->
    child(Id, Restart, More#{type => supervisor, supervisor => Sup, children => Children}).

abc()  -> [child(a), child(b), child(c)].
abcd() -> abc() ++ [child(d)].

%% Children with one of them replaced.
with(Children, #{id := Id} = New) ->
    [case C of #{id := Id} -> New; _ -> C end || C <- Children].

name(Parts) -> iolist_to_binary(lists:join("/", [part(P) || P <- Parts])).

part(P) when is_integer(P) -> integer_to_list(P);
part(P) when is_atom(P)    -> atom_to_list(P);
part(P)                    -> P.                % text already

'case'(Name, Sup, Children, Steps) ->
    #{name => name(Name), supervisor => Sup, children => Children, steps => Steps}.

cases() ->
    exit_cases() ++ intensity_cases() ++ start_failure_cases() ++ restart_failure_cases()
        ++ while_restarting_cases() ++ overlap_cases() ++ significant_cases() ++ api_cases()
        ++ nested_cases() ++ stop_cases().

%% One exit, every way. With permanent as the type under test the two variants
%% are the same tree, so it is recorded once.
exit_cases() ->
    ['case'([exit, S, Restart, Reason, Id, Variant], sup(S),
            [child(C, case C =:= Id orelse Variant =:= allSame of
                          true -> Restart;
                          false -> permanent
                      end) || C <- [a, b, c]],
            [{exit, Id, Reason}])
     || S <- strategies(), Restart <- restarts(), Reason <- reasons(), Id <- [a, b, c],
        Variant <- [othersPermanent, allSame],
        not (Restart =:= permanent andalso Variant =:= allSame)].

intensity_cases() ->
    [ %% One exit more than allowed.
     'case'([intensity, S, Max, Restart, Reason], sup(S, Max),
            with(abc(), child(b, Restart)), lists:duplicate(Max + 1, {exit, b, Reason}))
     || S <- strategies(), Max <- [0, 1, 3],
        {Restart, Reason} <- [{permanent, crashed}, {permanent, normal}, {transient, crashed}]]
    ++ %% Exactly as many as allowed: a restart of a whole group counts once.
    ['case'([intensity, S, Max, 'just-allowed'], sup(S, Max), abc(),
            lists:duplicate(Max, {exit, a, crashed}))
     || S <- strategies(), Max <- [1, 3]]
    ++ %% Every exit of a permanent child counts, an orderly one too.
    ['case'([intensity, oneForOne, 0, permanent, Reason], sup(oneForOne, 0), abc(),
            [{exit, b, Reason}])
     || Reason <- [shutdown, 'shutdown-detail', killed]]
    ++ %% The count belongs to the supervisor, not to the child.
    ['case'([intensity, S, 'counts-all-children-together'], sup(S, 2), abc(),
            [{exit, a, crashed}, {exit, c, crashed}, {exit, b, crashed}])
     || S <- strategies()]
    ++
    ['case'([intensity, S, 'other-kinds-of-siblings'], sup(S, 0),
            [child(a, temporary), child(b), child(c, transient), child(d, transient),
             child(e, temporary)],
            [{exit, c, normal}, {exit, b, crashed}])
     || S <- strategies()]
    ++
    ['case'([intensity, 'not-counted', 'transient-normal'], sup(oneForOne, 0),
            with(abc(), child(b, transient)),
            [{exit, b, normal}, {restartChild, b}, {exit, b, 'shutdown-detail'},
             {restartChild, b}]),
     'case'([intensity, 'not-counted', 'temporary-crash'], sup(oneForOne, 0),
            [child(a, temporary), child(b), child(c, temporary)],
            [{exit, a, crashed}, {exit, c, killed}]),
     'case'([intensity, 'not-counted', 'terminate-and-restart'], sup(oneForOne, 0), abc(),
            [{terminateChild, b}, {restartChild, b}, {terminateChild, b}, {restartChild, b}]),
     %% The only real waits: time itself is what is under test.
     'case'([intensity, window, 'old-restarts-are-forgotten'],
            (sup(oneForOne, 1))#{withinMs => 1000}, abc(),
            [{exit, b, crashed}, {wait, 2500}, {exit, b, crashed}, {wait, 2500},
             {exit, b, crashed}]),
     'case'([intensity, window, 'the-window-slides'],
            (sup(oneForOne, 2))#{withinMs => 4000}, abc(),
            [{exit, b, crashed}, {wait, 2000}, {exit, b, crashed}, {wait, 3000},
             {exit, b, crashed}, {exit, b, crashed}])].

start_failure_cases() ->
    ['case'(['start-failure', S, b, How], sup(S), with(abc(), fails_first(b, How)), [])
     || S <- strategies(), How <- [error, throw]]
    ++
    ['case'(['start-failure', oneForOne, Id, error], sup(oneForOne),
            with(abc(), fails_first(Id, error)), []) || Id <- [a, c]]
    ++
    ['case'(['start-failure', oneForOne, d, error, 'after-mixed-siblings'], sup(oneForOne),
            [child(a), child(b, transient), child(c, temporary), fails_first(d, error), child(e)],
            [])]
    ++
    ['case'(['start-failure', S, ignore, Restart], sup(S),
            with(abc(), child(b, Restart, #{init => [ignore, ok]})),
            [{exit, a, crashed}, {restartChild, b}])
     || S <- strategies(), Restart <- restarts()]
    ++
    ['case'(['start-failure', 'everybody-ignores'], sup(oneForOne),
            [child(a, permanent, #{init => [ignore]}), child(b, transient, #{init => [ignore]}),
             child(c, temporary, #{init => [ignore]})], [])].

fails_first(Id, How) -> child(Id, permanent, #{init => [How, ok]}).

restart_failure_cases() ->
    %% b crashes and `Failing` (b itself, or one restarted with it) does not come
    %% up N times. Each try counts, the first included: N failures need N + 1.
    Failing = [{oneForOne, b}, {restForOne, b}, {restForOne, c}, {restForOne, d},
               {oneForAll, a}, {oneForAll, b}, {oneForAll, c}, {oneForAll, d}],
    ['case'(['restart-failure', S, Id, N, times], sup(S, N + 1),
            with(abcd(), fails_later(Id, N)), [{exit, b, crashed}])
     || {S, Id} <- Failing, N <- [1, 2]]
    ++
    ['case'(['restart-failure', S, Id, 'beyond-intensity'], sup(S, 2),
            with(abcd(), child(Id, permanent, #{init => [ok, error]})), [{exit, b, crashed}])
     || {S, Id} <- Failing]
    ++
    ['case'(['restart-failure', S, 'one-try-short'], sup(S, 1),
            with(abcd(), fails_later(b, 1)), [{exit, b, crashed}])
     || S <- strategies()]
    ++
    ['case'(['restart-failure', S, 'throws'], sup(S),
            with(abc(), child(b, permanent, #{init => [ok, throw, ok]})), [{exit, b, crashed}])
     || S <- strategies()]
    ++
    ['case'(['restart-failure', S, transient], sup(S),
            with(abc(), child(b, transient, #{init => [ok, error, ok]})), [{exit, b, crashed}])
     || S <- strategies()]
    ++
    ['case'(['restart-failure', S, 'two-children-fail-in-turn'], sup(S, 5),
            [child(a), fails_later(b, 1), fails_later(c, 2), child(d)], [{exit, a, crashed}])
     || S <- strategies()]
    ++
    ['case'(['restart-failure', S, 'temporary-siblings'], sup(S),
            [child(a, temporary), child(b), child(c, temporary), fails_later(d, 1),
             child(e, temporary), child(f)], [{exit, b, crashed}])
     || S <- strategies()]
    ++
    ['case'(['restart-failure', S, Id, ignore, Restart], sup(S),
            with(abc(), child(Id, Restart, #{init => [ok, ignore, ok]})),
            [{exit, b, crashed}, {exit, a, crashed}])
     || S <- strategies(), Id <- [b, c], Restart <- [permanent, transient]].

fails_later(Id, N) ->
    child(Id, permanent, #{init => [ok] ++ lists:duplicate(N, error) ++ [ok]}).

%% What the supervisor answers between two tries. The call is put into its
%% mailbox while b is still in the init that is going to fail, hence before the
%% supervisor can send itself the message for the next try.
while_restarting_cases() ->
    Calls = [{terminateChild, b}, {deleteChild, b}, {restartChild, b}, {startChild, child(b)},
             whichChildren, countChildren, stop],
    ['case'(['while-restarting', S, call_name(Call)], sup(S),
            [child(a), fails_later(b, 1), child(c), child(d, transient), child(e, temporary)],
            [{hold, b, init}, {exitUnsettled, b, crashed}, {awaitHeld, b, init},
             {send, Call}, {release, b, init}, settle])
     || S <- strategies(), Call <- Calls]
    ++
    ['case'(['while-restarting', S, 'terminate-then-restart'], sup(S),
            [child(a), fails_later(b, 1), child(c)],
            [{hold, b, init}, {exitUnsettled, b, crashed}, {awaitHeld, b, init},
             {send, {terminateChild, b}}, {send, {restartChild, b}},
             {release, b, init}, settle, whichChildren, {terminateChild, b}, {deleteChild, b},
             whichChildren])
     || S <- strategies()].

call_name({Call, _}) -> Call;
call_name(Call)      -> Call.

%% Two things at once.
overlap_cases() ->
    %% A sibling dies while b is being restarted.
    ['case'([overlap, S, 'sibling-dies-during-restart', Id, Max], sup(S, Max), abc(),
            [{hold, b, init}, {exitUnsettled, b, crashed}, {awaitHeld, b, init},
             {exitUnsettled, Id, crashed}, {release, b, init}, settle])
     || {S, Id} <- [{oneForOne, a}, {oneForOne, c}, {restForOne, a}, {oneForAll, a}],
        Max <- [1, 2]]
    ++
    ['case'([overlap, oneForOne, 'two-siblings-die-during-restart', Order], sup(oneForOne), abcd(),
            [{hold, b, init}, {exitUnsettled, b, crashed}, {awaitHeld, b, init},
             {exitUnsettled, First, crashed}, {exitUnsettled, Second, crashed},
             {release, b, init}, settle])
     || {Order, First, Second} <- [{'a-then-c', a, c}, {'c-then-a', c, a}]]
    ++ %% A sibling dies while the supervisor waits for d to stop, on its way to a
       %% group restart. One that it would have stopped anyway is not counted.
    ['case'([overlap, S, 'sibling-dies-during-group-stop', Id, Max], sup(S, Max), abcd(),
            [{hold, d, terminate}, {exitUnsettled, b, crashed}, {awaitHeld, d, terminate},
             {exitUnsettled, Id, crashed}, {release, d, terminate}, settle])
     || S <- [restForOne, oneForAll], Id <- [a, c], Max <- [1, 2]]
    ++
    ['case'([overlap, S, 'transient-sibling-ends-normally-during-group-stop'], sup(S),
            [child(a, transient), child(b), child(c, transient), child(d)],
            [{hold, d, terminate}, {exitUnsettled, b, crashed}, {awaitHeld, d, terminate},
             {exitUnsettled, c, normal}, {exitUnsettled, a, normal},
             {release, d, terminate}, settle])
     || S <- [restForOne, oneForAll]]
    ++ %% The next try goes to the end of the mailbox: who died meanwhile comes first.
    ['case'([overlap, oneForOne, 'sibling-dies-while-a-restart-fails', Max], sup(oneForOne, Max),
            [child(a), fails_later(b, 1), child(c)],
            [{hold, b, init}, {exitUnsettled, b, crashed}, {awaitHeld, b, init},
             {exitUnsettled, c, crashed}, {exitUnsettled, a, crashed}, {release, b, init}, settle])
     || Max <- [3, 4]]
    ++ %% A call is served when the child is dead already but its exit is still behind
       %% the call in the mailbox (b's restart keeps the supervisor busy till then).
    ['case'([overlap, S, 'dead-but-not-yet-seen', call_name(Call)], sup(S), abc(),
            [{hold, b, init}, {exitUnsettled, b, crashed}, {awaitHeld, b, init},
             {send, Call}, {exitUnsettled, a, crashed}, {release, b, init}, settle])
     || S <- [oneForOne, oneForAll],
        Call <- [{terminateChild, a}, {deleteChild, a}, {restartChild, a}, {startChild, child(a)},
                 whichChildren, countChildren]]
    ++
    ['case'([overlap, oneForOne, 'dead-and-seen', terminateChild], sup(oneForOne), abc(),
            [{hold, b, init}, {exitUnsettled, b, crashed}, {awaitHeld, b, init},
             {exitUnsettled, a, crashed}, {send, {terminateChild, a}}, {release, b, init}, settle])]
    ++ %% A child of the group that is already back dies before the restart of the
       %% group is complete; the last one then comes up, or not.
    ['case'([overlap, S, 'restarted-member-dies', case Init of error -> 'then-the-last-fails';
                                                               ok -> 'then-the-last-starts' end],
            sup(S), with(abcd(), child(d, permanent, #{init => [ok, Init, ok]})),
            [{hold, d, init}, {exitUnsettled, b, crashed}, {awaitHeld, d, init},
             {exitUnsettled, Id, crashed}, {release, d, init}, settle])
     || {S, Id} <- [{restForOne, c}, {oneForAll, a}], Init <- [ok, error]]
    ++ %% The same with one that stands before the group and takes it along.
    ['case'([overlap, restForOne, 'earlier-sibling-dies-while-the-last-fails', N, times, max, Max],
            sup(restForOne, Max), with(abcd(), fails_later(d, N)),
            [{hold, d, init}, {exitUnsettled, b, crashed}, {awaitHeld, d, init},
             {exitUnsettled, a, crashed}, {release, d, init}, settle])
     || {N, Max} <- [{1, 2}, {2, 3}, {2, 2}]]
    ++
    ['case'([overlap, S, 'child-dies-while-the-supervisor-stops'], sup(S), abc(),
            [{hold, c, terminate}, {send, stop}, {awaitHeld, c, terminate},
             {exitUnsettled, a, crashed}, {release, c, terminate}, settle])
     || S <- strategies()]
    ++ %% The child being terminated by the API crashes first: no restart.
    ['case'([overlap, oneForOne, 'sibling-dies-during-terminateChild'], sup(oneForOne), abc(),
            [{hold, b, terminate}, {send, {terminateChild, b}}, {awaitHeld, b, terminate},
             {exitUnsettled, c, crashed}, {release, b, terminate}, settle])].

significant_cases() ->
    Modes = [anySignificant, allSignificant],
    %% Two significant children end one after the other; c is an ordinary one.
    ['case'([significant, Mode, S, Restart, Reason], sup(S, 3, Mode),
            [significant(a, Restart), significant(b, Restart), child(c)],
            [{exit, a, Reason}, {exit, b, Reason}])
     || Mode <- Modes, S <- strategies(), Restart <- [transient, temporary], Reason <- reasons(),
        S =:= oneForOne orelse Reason =:= normal orelse Reason =:= crashed]
    ++ %% Only a child's own end triggers. Not terminateChild ...
    ['case'([significant, Mode, terminateChild, Restart], sup(oneForOne, 3, Mode),
            [significant(a, Restart), significant(b, Restart), child(c)],
            [{terminateChild, a}, whichChildren, {exit, b, normal}])
     || Mode <- Modes, Restart <- [transient, temporary]]
    ++
    ['case'([significant, Mode, 'terminateChild-all', Restart], sup(oneForOne, 3, Mode),
            [significant(a, Restart), significant(b, Restart), child(c)],
            [{terminateChild, a}, {terminateChild, b}])
     || Mode <- Modes, Restart <- [transient, temporary]]
    ++ %% ... nor the death of a sibling that takes the significant one along.
    ['case'([significant, Mode, 'sibling-death', S, Restart], sup(S, 3, Mode),
            [child(a), significant(b, Restart), child(c)], [{exit, a, crashed}])
     || Mode <- Modes, S <- [restForOne, oneForAll], Restart <- [transient, temporary]]
    ++
    ['case'([significant, Mode, 'ordinary-child-ends'], sup(oneForOne, 3, Mode),
            [significant(a, transient), child(b, transient), child(c, temporary)],
            [{exit, b, normal}, {exit, c, normal}, {exit, a, normal}])
     || Mode <- Modes]
    ++ %% One that never ran does not hold the supervisor up, and does not trigger.
    ['case'([significant, Mode, 'one-ignored', Restart], sup(oneForOne, 3, Mode),
            [child(a, Restart, #{significant => true, init => [ignore]}),
             significant(b, Restart), child(c)],
            [whichChildren, {exit, b, normal}])
     || Mode <- Modes, Restart <- [transient, temporary]]
    ++ %% A crash of a transient one is a restart, and counts as such.
    ['case'([significant, Mode, 'transient-crash-beyond-intensity'], sup(oneForOne, 0, Mode),
            [child(a), significant(b, transient), child(c)], [{exit, b, crashed}])
     || Mode <- Modes]
    ++ %% A restart that comes back as `ignore` leaves the child stopped.
    ['case'([significant, Mode, 'ignores-when-restarted'], sup(oneForOne, 3, Mode),
            [child(a), child(b, transient, #{significant => true, init => [ok, ignore]})],
            [{exit, b, crashed}])
     || Mode <- Modes]
    ++
    ['case'([significant, Mode, 'started-later', Restart], sup(oneForOne, 3, Mode), abc(),
            [{startChild, significant(d, Restart)}, {exit, d, normal}])
     || Mode <- Modes, Restart <- [transient, temporary]]
    ++ %% OTP refuses the combination of `never` and a significant child.
    ['case'([significant, never, Restart], sup(oneForOne), [child(a), significant(b, Restart)], [])
     || Restart <- [transient, temporary]]
    ++
    ['case'([significant, never, 'started-later'], sup(oneForOne), abc(),
            [{startChild, significant(d, transient)}, whichChildren])]
    ++ %% A group of its own inside a larger tree.
    ['case'([significant, nested, Restart], sup(oneForOne),
            [child(x), inner(inner, Restart, sup(oneForOne, 3, anySignificant),
                             [significant(a, transient), child(b)]), child(y)],
            [{exit, a, normal}])
     || Restart <- restarts()]
    ++
    ['case'([significant, nested, 'cascade', S], sup(S, 3, anySignificant),
            [child(x), inner(inner, transient, sup(oneForOne, 3, anySignificant),
                             [significant(a, temporary), child(b)], #{significant => true}),
             child(y)],
            [{exit, a, crashed}])
     || S <- strategies()].

api_cases() ->
    [api([startChild, running], abc(), [{startChild, child(b)}]),
     api([startChild, stopped], abc(), [{terminateChild, b}, {startChild, child(b)}]),
     api([startChild, 'stopped-by-own-end'], with(abc(), child(b, transient)),
         [{exit, b, normal}, {startChild, child(b, transient)}, {restartChild, b}]),
     api([startChild, 'new-goes-last'], abc(),
         [{startChild, child(d)}, {startChild, child(e, temporary)}, {terminateChild, b},
          {deleteChild, b}, {startChild, child(b)}, stop]),
     api([terminateChild, twice], abc(), [{terminateChild, b}, {terminateChild, b}]),
     api([terminateChild, unknown], abc(), [{terminateChild, x}]),
     api([terminateChild, temporary], with(abc(), child(b, temporary)),
         [{terminateChild, b}, {terminateChild, b}, {restartChild, b}, {deleteChild, b},
          {startChild, child(b, temporary)}]),
     api([deleteChild, running], abc(), [{deleteChild, b}]),
     api([deleteChild, stopped], abc(),
         [{terminateChild, b}, {deleteChild, b}, {deleteChild, b}, {startChild, child(b)}]),
     api([deleteChild, 'stopped-by-own-end'], with(abc(), child(b, transient)),
         [{exit, b, shutdown}, {deleteChild, b}]),
     api([deleteChild, 'never-ran'], with(abc(), child(b, permanent, #{init => [ignore]})),
         [{deleteChild, b}]),
     api([deleteChild, unknown], abc(), [{deleteChild, x}]),
     api([restartChild, running], abc(), [{restartChild, b}]),
     api([restartChild, stopped], abc(), [{terminateChild, b}, {restartChild, b}]),
     api([restartChild, 'stopped-by-own-end'], with(abc(), child(b, transient)),
         [{exit, b, normal}, {restartChild, b}, {exit, b, crashed}]),
     api([restartChild, unknown], abc(), [{restartChild, x}])]
    ++
    [api([restartChild, How], with(abc(), child(b, permanent, #{init => [ok, How, ok]})),
         [{terminateChild, b}, {restartChild, b}, {restartChild, b}])
     || How <- [error, throw, ignore]]
    ++
    [api([startChild, How, Restart], abc(),
         [{startChild, child(d, Restart, #{init => [How, ok]})},
          {restartChild, d},
          {startChild, child(d, Restart)}])
     || How <- [error, throw, ignore], Restart <- restarts()]
    ++ %% The API touches one child only, whatever the strategy.
    ['case'([api, 'one-child-only', S], sup(S), abc(),
            [{terminateChild, a}, whichChildren, {restartChild, a}, whichChildren,
             {startChild, child(d)}, {terminateChild, b}, {deleteChild, b}, whichChildren])
     || S <- strategies()]
    ++ %% A group restart starts everybody in the group, also who was stopped on purpose.
    ['case'([api, 'group-restart-revives', S, How], sup(S),
            [child(a), child(b, transient), child(c, transient)],
            [Stop, whichChildren, {exit, a, crashed}])
     || S <- strategies(),
        {How, Stop} <- [{terminated, {terminateChild, c}}, {'ended-normally', {exit, c, normal}}]]
    ++
    ['case'([api, 'group-restart-revives', restForOne, 'not-before-the-crashed'], sup(restForOne),
            abc(), [{terminateChild, a}, {exit, b, crashed}])]
    ++
    ['case'([api, 'dynamic-children-in-group-restart', S], sup(S), abc(),
            [{startChild, child(d, transient)}, {startChild, child(e, temporary)},
             {startChild, child(f)}, {exit, b, crashed}])
     || S <- strategies()]
    ++
    ['case'([api, 'dynamic-child-crashes', Restart], sup(oneForOne), abc(),
            [{startChild, child(d, Restart)}, {exit, d, crashed}])
     || Restart <- restarts()]
    ++
    ['case'([api, 'dynamic-child-shares-the-intensity'], sup(oneForOne, 1), abc(),
            [{startChild, child(d)}, {exit, d, crashed}, {exit, a, crashed}]),
     'case'([api, 'empty-supervisor'], sup(oneForOne), [],
            [whichChildren, countChildren, {startChild, child(a)}, countChildren, {exit, a, crashed},
             {terminateChild, a}, countChildren, {deleteChild, a}, countChildren]),
     'case'([api, countChildren], sup(oneForOne),
            [child(a), child(b, transient), child(c, temporary),
             inner(inner, permanent, sup(oneForOne), [child(i), child(j)])],
            [countChildren, {exit, b, normal}, countChildren, {exit, c, normal}, countChildren,
             {terminateChild, a}, countChildren, {terminateChild, inner}, countChildren,
             {deleteChild, a}, countChildren]),
     'case'([api, 'supervisor-gone'], sup(oneForOne), abc(),
            [stop, {startChild, child(d)}, {terminateChild, a}, {deleteChild, a}, {restartChild, a},
             whichChildren, countChildren, {exit, a, crashed}, stop])].

%% which_children after each step.
api(Name, Children, Steps) ->
    'case'([api | Name], sup(oneForOne), Children,
           lists:append([[Step, whichChildren] || Step <- Steps])).

nested_cases() ->
    Tree = fun(Restart, InnerSup) ->
                   [child(x), inner(inner, Restart, InnerSup, [child(a), child(b)]), child(y)]
           end,
    ['case'([nested, 'inner-trips', S, Restart], sup(S), Tree(Restart, sup(oneForOne, 1)),
            [{exit, a, crashed}, {exit, a, crashed}])
     || S <- strategies(), Restart <- restarts()]
    ++ %% A restarted inner supervisor starts counting anew.
    ['case'([nested, 'inner-trips-twice', Restart], sup(oneForOne), Tree(Restart, sup(oneForOne, 1)),
            [{exit, a, crashed}, {exit, a, crashed}, {exit, a, crashed}, {exit, b, crashed}])
     || Restart <- restarts()]
    ++
    ['case'([nested, 'outer-trips-too', S], sup(S, 1), Tree(permanent, sup(oneForAll, 0)),
            [{exit, a, crashed}, {exit, b, crashed}])
     || S <- strategies()]
    ++ %% Inside a restarted inner supervisor a start fails: its own start fails then,
       %% and the outer one tries it again.
    ['case'([nested, 'inner-restart-fails', S], sup(S, 3),
            [child(x), inner(inner, permanent, sup(oneForOne, 0),
                             [child(a), child(b, permanent, #{init => [ok, error, ok]})]), child(y)],
            [{exit, a, crashed}])
     || S <- strategies()]
    ++ %% The failure stays inside as long as the inner supervisor may retry.
    ['case'([nested, 'inner-retries-itself'], sup(oneForOne, 0),
            [child(x), inner(inner, permanent, sup(oneForAll, 2),
                             [child(a), child(b, permanent, #{init => [ok, error, ok]})]), child(y)],
            [{exit, a, crashed}])]
    ++
    ['case'([nested, 'start-failure-inside'], sup(oneForOne),
            [child(x), inner(inner, permanent, sup(oneForOne),
                             [child(a), fails_first(b, error), child(c)]), child(y)], []),
     'case'([nested, 'sibling-of-inner-crashes', restForOne], sup(restForOne),
            Tree(permanent, sup(oneForOne, 1)), [{exit, x, crashed}]),
     'case'([nested, 'sibling-of-inner-crashes', oneForAll], sup(oneForAll),
            Tree(permanent, sup(oneForOne, 1)), [{exit, y, crashed}]),
     'case'([nested, 'temporary-inner-in-group-restart'], sup(oneForAll),
            Tree(temporary, sup(oneForOne, 1)), [{exit, y, crashed}]),
     'case'([nested, 'dynamic-grandchildren-are-lost'], sup(oneForOne),
            Tree(permanent, sup(oneForOne, 0)),
            [{in, inner, {startChild, child(c)}}, whichChildren, {exit, a, crashed}]),
     'case'([nested, 'terminate-and-restart-inner'], sup(oneForOne),
            Tree(permanent, sup(oneForOne, 1)),
            [{terminateChild, inner}, whichChildren, {restartChild, inner}])].

stop_cases() ->
    ['case'([stop, S, 'reverse-order'], sup(S), abc(), [stop]) || S <- strategies()]
    ++
    ['case'([stop, 'brutal-kill'], sup(oneForOne),
            with(abc(), child(b, permanent, #{shutdownMs => brutalKill})), [stop]),
     'case'([stop, 'timeout-then-kill'], sup(oneForOne),
            with(abc(), child(b, permanent, #{shutdownMs => 250, onStop => hang})), [stop]),
     'case'([stop, 'timeout-then-kill', 'first-and-last'], sup(oneForOne),
            [child(a, permanent, #{shutdownMs => 250, onStop => hang}), child(b),
             child(c, permanent, #{shutdownMs => 250, onStop => hang})], [stop]),
     'case'([stop, infinity], sup(oneForOne),
            with(abc(), child(b, permanent, #{shutdownMs => infinity})), [stop]),
     'case'([stop, 'terminate-throws'], sup(oneForOne),
            with(abc(), child(b, permanent, #{onStop => throw})), [stop]),
     'case'([stop, 'stopped-and-ended-children-are-skipped'], sup(oneForOne),
            [child(a), child(b, transient), child(c, temporary), child(d), child(e)],
            [{exit, b, normal}, {exit, c, normal}, {terminateChild, d}, stop]),
     'case'([stop, nested], sup(oneForOne),
            [child(x), inner(inner, permanent, sup(oneForOne),
                             [child(a), inner(innermost, permanent, sup(oneForAll),
                                              [child(i), child(j)]), child(b)]), child(y)],
            [stop]),
     'case'([stop, 'inner-with-timeout'], sup(oneForOne),
            [child(x), inner(inner, permanent, sup(oneForOne),
                             [child(a), child(b, permanent, #{shutdownMs => 250, onStop => hang})]),
             child(y)],
            [stop]),
     'case'([stop, terminateChild, 'timeout-then-kill'], sup(oneForOne),
            with(abc(), child(b, permanent, #{shutdownMs => 250, onStop => hang})),
            [{terminateChild, b}]),
     'case'([stop, terminateChild, 'brutal-kill'], sup(oneForOne),
            with(abc(), child(b, permanent, #{shutdownMs => brutalKill})), [{terminateChild, b}]),
     'case'([stop, terminateChild, 'terminate-throws'], sup(oneForOne),
            with(abc(), child(b, permanent, #{onStop => throw})), [{terminateChild, b}]),
     'case'([stop, 'start-failure-unwinds-past-a-hanging-child'], sup(oneForOne),
            [child(a), child(b, permanent, #{shutdownMs => 250, onStop => hang}), child(c),
             fails_first(d, error)], [])]
    ++
    ['case'([stop, 'in-group-restart', S, How], sup(S), with(abcd(), child(c, permanent, More)),
            [{exit, b, crashed}])
     || S <- [restForOne, oneForAll],
        {How, More} <- [{'timeout-then-kill', #{shutdownMs => 250, onStop => hang}},
                        {'brutal-kill', #{shutdownMs => brutalKill}},
                        {'terminate-throws', #{onStop => throw}}]].

%%% ------------------------------------------------------------------
%%% Specs that OTP does or does not accept
%%% ------------------------------------------------------------------

invalid_specs() ->
    Any = sup(oneForOne, 3, anySignificant),
    Start = fun(Name, Sup, Children) -> {Name, start, Sup, Children} end,
    One = fun(Name, Spec) ->
                  [{Name, start, sup(oneForOne), [child(a), Spec, child(c)]},
                   {Name ++ "/startChild", startChild, sup(oneForOne), [Spec]}]
          end,
    lists:append(
      [[Start("duplicate-id", sup(oneForOne), [child(a), child(b), child(a)])],
       One("id-missing", maps:remove(id, child(b))),
       One("start-missing", (child(b))#{start => null}),
       One("restart-unknown", child(b, always)),
       One("restart-missing", maps:remove(restart, child(b))),
       One("type-unknown", child(b, permanent, #{type => actor})),
       One("shutdown-negative", child(b, permanent, #{shutdownMs => -1})),
       One("shutdown-zero", child(b, permanent, #{shutdownMs => 0})),
       One("shutdown-unknown", child(b, permanent, #{shutdownMs => later})),
       One("shutdown-fraction", child(b, permanent, #{shutdownMs => 1.5})),
       One("supervisor-with-timeout", inner(b, permanent, sup(oneForOne), [], #{shutdownMs => 1000})),
       One("unknown-key", child(b, permanent, #{colour => green})),
       One("significant-not-boolean", child(b, transient, #{significant => yes})),
       One("significant-false-permanent-never", child(b, permanent, #{significant => false})),
       One("significant-permanent-never", significant(b, permanent)),
       One("significant-transient-never", significant(b, transient)),
       One("significant-temporary-never", significant(b, temporary)),
       [{"significant-" ++ atom_to_list(R) ++ "-any" ++ Suffix, Via, Any, [significant(b, R)]}
        || R <- restarts(), {Via, Suffix} <- [{start, ""}, {startChild, "/startChild"}]],
       [Start("several-faults-first-wins", sup(oneForOne),
              [child(a), child(b, always, #{type => actor}), child(a)]),
        Start("strategy-unknown", sup(oneForMany), [child(a)]),
        Start("max-restarts-negative", sup(oneForOne, -1), [child(a)]),
        Start("max-restarts-fraction", sup(oneForOne, 1.5), [child(a)]),
        Start("max-restarts-zero", sup(oneForOne, 0), [child(a)]),
        Start("period-zero", (sup(oneForOne))#{withinMs => 0}, [child(a)]),
        Start("period-negative", (sup(oneForOne))#{withinMs => -1000}, [child(a)]),
        Start("auto-shutdown-unknown", sup(oneForOne, 3, someSignificant), [child(a)]),
        Start("supervisor-unknown-key", (sup(oneForOne))#{colour => green}, [child(a)]),
        Start("supervisor-before-children", sup(oneForMany), [child(a, always)])]]).

%% A refused spec must not have started anybody; `started` is the proof.
run_invalid({Name, Via, Sup, Specs}) ->
    start_log(),
    {Reply, Root} =
        case Via of
            start ->
                case start_tree({root, Sup, Specs}) of
                    {ok, Pid} -> {ok, Pid};
                    Failed -> {Failed, none}
                end;
            startChild ->
                {ok, Pid} = start_tree({root, Sup, []}),
                case supervisor:start_child(Pid, otp_child(hd(Specs))) of
                    {ok, _} -> {ok, Pid};
                    Failed -> {Failed, Pid}
                end
        end,
    stop_root(Root),
    Trace = stop_log(),
    Started = [Line || <<"start ", _/binary>> = Line <- Trace],
    Verdict = case Reply of
                  ok -> [{accepted, true}];
                  {error, Term} -> [{accepted, false}, {error, spec_error(Term)}, {term, text(Term)}]
              end,
    {[{name, list_to_binary(Name)}, {via, Via}, {supervisor, raw_sup_json(Sup)},
      {children, [raw_child_json(S) || S <- Specs]} | Verdict] ++ [{started, Started}]}.

%% The atom that names the fault, out of OTP's wrapping.
spec_error({start_spec, What})      -> spec_error(What);
spec_error({supervisor_data, What}) -> spec_error(What);
spec_error(What) when is_tuple(What) -> element(1, What);
spec_error(What)                     -> What.

text(Term) -> iolist_to_binary(io_lib:format("~0tp", [Term])).

%%% ------------------------------------------------------------------
%%% Driver: runs one case
%%% ------------------------------------------------------------------

run_case(#{name := Name, supervisor := Sup, children := Children, steps := Steps}) ->
    start_log(),
    Started = start_tree({root, Sup, Children}),
    Root = case Started of
               {ok, Pid} -> Pid;
               {error, _} -> none
           end,
    log(sweep),
    result(start, start_result(Started)),
    Taken = case Root of none -> []; _ -> Steps end,
    Unanswered = lists:foldl(fun(Step, Pending) -> step(Step, Root, Pending) end, [], Taken),
    [] = Unanswered,                            % a case with `send` must end in `settle`
    Final = final(Root),
    Exit = log(root_exit),
    stop_root(Root),
    Trace = stop_log(),
    {[{name, Name}, {supervisor, sup_json(Sup)}, {children, [child_json(C) || C <- Children]},
      {steps, [step_json(S) || S <- Steps]}, {trace, Trace},
      {final, {Final ++ [{supervisorExit, Exit}]}}]}.

start_result({ok, _}) -> [ok];
start_result({error, {shutdown, {failed_to_start_child, Id, Cause}}}) ->
    ['failed-to-start-child', Id, cause(Cause)];
start_result({error, {start_spec, _} = Error}) ->
    ['bad-spec', spec_error(Error)].

%% Why a start failed, in the words of a child's `init` list.
cause({init_error, _})                                  -> error;
cause({{init_throw, _}, Stack}) when is_list(Stack)     -> throw;
cause({shutdown, {failed_to_start_child, _, _}})        -> 'failed-to-start-child'.

%% Each step takes and returns the requests that were sent but not yet answered.
step({exit, Id, Reason}, Root, Pending) ->
    provoke(Id, Reason),
    settle(Root),
    Pending;
step({exitUnsettled, Id, Reason}, Root, Pending) ->
    provoke(Id, Reason),
    %% Without anybody held, what follows would race with the supervisor.
    settle_unless_holding(Root),
    Pending;
step({hold, Id, At}, _Root, Pending) -> ok = log({hold, Id, At}), Pending;
step({awaitHeld, Id, At}, Root, Pending) -> await_held(Id, At, Root), Pending;
step({release, Id, At}, _Root, Pending) -> ok = log({release, Id, At}), Pending;
step({in, Sup, {send, Call}}, Root, Pending) ->
    send_to(log({pid, Sup}), Call, Root, Pending);
step({in, Sup, Call}, Root, Pending) ->
    call(log({pid, Sup}), Call),
    settle(Root),
    Pending;
step({wait, Ms}, _Root, Pending) -> timer:sleep(Ms), Pending;
step({send, stop}, Root, Pending) ->
    exit(Root, shutdown),
    await_signals(Root),
    settle_unless_holding(Root),
    Pending;
step({send, Call}, Root, Pending) ->
    send_to(Root, Call, Root, Pending);
step(settle, Root, Pending) ->
    Replies = [{Of, gen_server:receive_response(Id, infinity)} || {Of, Id} <- Pending],
    settle(Root),
    [result(Of, case Reply of
                    {reply, Value} -> api_result(Of, Value);
                    {error, _} -> [noproc]
                end) || {Of, Reply} <- Replies],
    [];
step(stop, Root, Pending) ->
    case is_pid(Root) andalso is_process_alive(Root) of
        true -> exit(Root, shutdown), await_end(Root), log(sweep);
        false -> result(stop, [noproc])
    end,
    Pending;
step(Call, Root, Pending) ->
    call(Root, Call),
    settle(Root),
    Pending.

send_to(Sup, Call, Root, Pending) ->
    {Of, Request} = request(Call),
    Id = gen_server:send_request(Sup, Request),
    await_signals(Sup),
    settle_unless_holding(Root),
    Pending ++ [{Of, Id}].

%% A round trip of signals: what was sent before is in the mailbox now.
await_signals(Pid) ->
    _ = process_info(Pid, message_queue_len),
    ok.

%% Waits until the child is held, or until the tree is at rest without that: then there
%% is nothing to wait for. A supervisor with a held child answers nobody.
await_held(Id, At, Root) ->
    Driver = self(),
    Probe = spawn(fun() -> settle(Root), Driver ! {at_rest, self()} end),
    Waiter = spawn(fun() -> ok = log({await_held, Id, At}), Driver ! {held, self()} end),
    receive
        {held, Waiter} -> ok;
        {at_rest, Probe} -> log({not_held, Id, At})
    end,
    exit(Probe, kill),
    exit(Waiter, kill),
    receive {held, Waiter} -> ok after 0 -> ok end,
    receive {at_rest, Probe} -> ok after 0 -> ok end.

settle_unless_holding(Root) ->
    case log(is_holding) of
        true -> ok;
        false -> settle(Root)
    end.

call(Sup, Call) ->
    {Of, Request} = request(Call),
    %% The public functions of `supervisor` do exactly this call.
    result(Of, try api_result(Of, gen_server:call(Sup, Request, infinity))
               catch exit:_ -> [noproc]
               end).

request({startChild, Spec})   -> {startChild, {start_child, otp_child(Spec)}};
request({terminateChild, Id}) -> {terminateChild, {terminate_child, Id}};
request({deleteChild, Id})    -> {deleteChild, {delete_child, Id}};
request({restartChild, Id})   -> {restartChild, {restart_child, Id}};
request(whichChildren)        -> {whichChildren, which_children};
request(countChildren)        -> {countChildren, count_children}.

result(Of, Words) -> log({log, [result, Of | Words]}).

api_result(whichChildren, List) ->
    [pair(Id, child_state(Pid)) || {Id, Pid, _, _} <- lists:reverse(List)];
api_result(countChildren, Counts) ->
    [pair(What, N) || {What, N} <- Counts];
api_result(_, Reply) ->
    [case Reply of
         ok                            -> ok;
         {ok, undefined}               -> ignored;
         {ok, Pid} when is_pid(Pid)    -> ok;
         {error, {already_started, _}} -> 'already-started';
         {error, already_present}      -> 'already-present';
         {error, not_found}            -> 'not-found';
         {error, running}              -> running;
         {error, restarting}           -> restarting;
         {error, {bad_combination, _}} -> 'bad-spec';
         {error, {_Cause, _Child}}     -> 'start-failed';
         {error, killed}               -> 'start-failed'
     end].

pair(Key, Value) -> [part(Key), ":", part(Value)].

child_state(undefined)           -> stopped;
child_state(restarting)          -> restarting;
child_state(Pid) when is_pid(Pid) -> running.

provoke(Id, Reason) ->
    case log({exit, Id, Reason}) of
        noproc ->
            result(exit, [noproc]);
        Pid ->
            case Reason of
                killed -> exit(Pid, kill), log({forget_held, Id});
                _ -> gen_server:cast(Pid, {exit, otp_reason(Reason)})
            end,
            await_end(Pid)
    end.

await_end(Pid) ->
    Ref = monitor(process, Pid),
    receive {'DOWN', Ref, process, Pid, _} -> ok end,
    false = is_process_alive(Pid),
    ok.

%% Until the whole tree has nothing left to do. An inner supervisor may die of
%% what it finds in its mailbox, which is news for the outer one: start over then.
settle(none) ->
    ok;
settle(Root) ->
    try settle_tree(Root) of
        ok -> log(sweep)
    catch
        throw:{gone, Root} -> log(sweep);
        throw:{gone, _Inner} -> settle(Root)
    end.

settle_tree(Sup) ->
    Children = try supervisor:which_children(Sup)
               catch exit:_ -> false = is_process_alive(Sup), throw({gone, Sup})
               end,
    case lists:keymember(restarting, 2, Children) of
        true -> settle_tree(Sup);
        false -> lists:foreach(fun settle_tree/1,
                               [Pid || {_, Pid, supervisor, _} <- Children, is_pid(Pid)])
    end.

final(Root) ->
    case is_pid(Root) andalso is_process_alive(Root) of
        true -> [{children, tree(Root)}, {count, {supervisor:count_children(Root)}}];
        false -> [{children, []}, {count, null}]
    end.

tree(Sup) ->
    [{[{id, Id}, {state, child_state(Pid)}
       | [{children, tree(Pid)} || Type =:= supervisor, is_pid(Pid)]]}
     || {Id, Pid, Type, _} <- lists:reverse(supervisor:which_children(Sup))].

stop_root(Root) ->
    log(mute),
    _ = [begin exit(Root, shutdown), await_end(Root) end
         || is_pid(Root), is_process_alive(Root)],
    flush_exits().

flush_exits() ->
    receive {'EXIT', _, _} -> flush_exits() after 0 -> ok end.

%%% ------------------------------------------------------------------
%%% The supervisors and children under observation
%%% ------------------------------------------------------------------

start_worker(Spec) -> gen_server:start_link(?MODULE, {worker, Spec}, []).

start_tree({_Id, _Sup, _Children} = Tree) -> supervisor:start_link(?MODULE, {tree, Tree}).

%% Callback of both behaviours.
init({tree, {Id, Sup, Children}}) ->
    ok = log({start, Id, supervisor, []}),
    {ok, {otp_flags(Sup), [otp_child(C) || C <- Children]}};
init({worker, Spec}) ->
    process_flag(trap_exit, true),
    Id = maps:get(id, Spec, undefined),
    case log({start, Id, worker, maps:get(init, Spec, [])}) of
        ok     -> {ok, Spec};
        ignore -> ignore;
        error  -> {stop, {init_error, Id}};
        %% Not erlang:throw/1: gen_server takes a thrown value for init's result.
        throw  -> error({init_throw, Id})
    end.

handle_cast({exit, Reason}, Spec) -> {stop, Reason, Spec#{own_exit => true}}.
handle_call(_, _, Spec) -> {noreply, Spec}.
handle_info(_, Spec) -> {noreply, Spec}.

terminate(_Reason, #{own_exit := true}) ->
    ok;
terminate(Reason, #{id := Id} = Spec) ->
    log({stop, Id, reason(Reason)}),
    case Spec of
        #{onStop := hang} -> receive never -> ok end;
        #{onStop := throw} -> error(terminate_throws);
        _ -> ok
    end.

%%% ------------------------------------------------------------------
%%% The log: one process that sees everything
%%% ------------------------------------------------------------------

start_log() ->
    true = register(trace_log, spawn_link(fun() -> log_loop(
        #{trace => [],        % newest first
          muted => false,
          seq => 0,
          watched => #{},     % pid => {seq, id, worker | supervisor, own exit expected?, monitor}
          current => #{},     % id => pid of its latest incarnation
          attempts => #{},    % id => how often its init ran
          holds => [],        % {id, at} to hold when it comes by
          held => #{},        % {id, at} => {caller, answer}
          waiting => #{},     % {id, at} => driver waiting for the hold to take effect
          root_exit => null}) end)),
    ok.

stop_log() ->
    Pid = whereis(trace_log),
    Trace = log(finish),
    receive {'EXIT', Pid, normal} -> ok end,
    Trace.

log(Request) ->
    Ref = make_ref(),
    trace_log ! {self(), Ref, Request},
    receive {Ref, Answer} -> Answer end.

log_loop(S0) ->
    receive
        {From, Ref, finish} ->
            From ! {Ref, lists:reverse(maps:get(trace, S0))};
        {Pid, Ref, Request} ->
            %% Whoever died without a word did so before this request.
            S = sweep(S0),
            log_loop(log_request(Request, Pid, {Pid, Ref}, S))
    end.

log_request({start, root, supervisor, _}, Pid, From, S) ->
    answer(From, ok, watch(Pid, root, supervisor, S));
log_request({start, Id, Kind, Plan}, Pid, From, #{attempts := Attempts} = S) ->
    N = maps:get(Id, Attempts, 0) + 1,
    Outcome = outcome(N, Plan),
    S1 = append([start, Id | [Outcome || Outcome =/= ok]], watch(Pid, Id, Kind, S)),
    maybe_hold({Id, init}, From, Outcome, S1#{attempts := Attempts#{Id => N}});
log_request({stop, Id, Reason}, _Pid, From, S) ->
    maybe_hold({Id, terminate}, From, ok,
               append([stop, Id, Reason], S));
log_request({exit, Id, Reason}, _Pid, From, #{watched := Watched, current := Current} = S) ->
    case Current of
        #{Id := Pid} when is_map_key(Pid, Watched) ->
            {Seq, Id, Kind, false, Mon} = maps:get(Pid, Watched),
            answer(From, Pid, append([exit, Id, Reason],
                                     S#{watched := Watched#{Pid := {Seq, Id, Kind, true, Mon}}}));
        _ ->
            answer(From, noproc, S)
    end;
log_request({log, Event}, _Pid, From, S) ->
    answer(From, ok, append(Event, S));
log_request({pid, Id}, _Pid, From, #{current := Current} = S) ->
    %% One that never started is answered like one that is gone: calls to it find nobody.
    answer(From, maps:get(Id, Current, spawn(fun() -> ok end)), S);
log_request({hold, Id, At}, _Pid, From, #{holds := Holds} = S) ->
    answer(From, ok, S#{holds := [{Id, At} | Holds]});
log_request({await_held, Id, At}, _Pid, From, #{held := Held, waiting := Waiting} = S) ->
    case is_map_key({Id, At}, Held) of
        true -> answer(From, ok, S);
        false -> S#{waiting := Waiting#{{Id, At} => From}}
    end;
log_request({not_held, Id, At}, _Pid, From, #{holds := Holds, waiting := Waiting} = S) ->
    answer(From, ok, append(['not-held', Id, At],
                            S#{holds := lists:delete({Id, At}, Holds),
                               waiting := maps:remove({Id, At}, Waiting)}));
log_request({forget_held, Id}, _Pid, From, #{holds := Holds, held := Held} = S) ->
    answer(From, ok, S#{holds := [H || {Other, _} = H <- Holds, Other =/= Id],
                        held := maps:filter(fun({Other, _}, _) -> Other =/= Id end, Held)});
log_request(is_holding, _Pid, From, #{holds := Holds, held := Held} = S) ->
    answer(From, Holds =/= [] orelse map_size(Held) > 0, S);
log_request({release, Id, At}, _Pid, From, #{held := Held} = S) ->
    case maps:take({Id, At}, Held) of
        {{Caller, Answer}, Held1} -> answer(From, ok, answer(Caller, Answer, S#{held := Held1}));
        error -> answer(From, ok, S)
    end;
log_request(sweep, _Pid, From, S) ->
    answer(From, ok, S);
log_request(root_exit, _Pid, From, #{root_exit := Exit} = S) ->
    answer(From, Exit, S);
log_request(mute, _Pid, From, S) ->
    answer(From, ok, S#{muted := true}).

answer({Pid, Ref}, Answer, S) ->
    Pid ! {Ref, Answer},
    S.

append(_Words, #{muted := true} = S) -> S;
append(Words, #{trace := Trace} = S) ->
    S#{trace := [iolist_to_binary(lists:join(" ", [part(W) || W <- Words])) | Trace]}.

watch(Pid, Id, Kind, #{watched := Watched, current := Current, seq := Seq} = S) ->
    S#{watched := Watched#{Pid => {Seq, Id, Kind, false, monitor(process, Pid)}},
       current := Current#{Id => Pid}, seq := Seq + 1}.

%% The n-th init of a child; the last entry of its list goes on for ever.
outcome(_N, [])                      -> ok;
outcome(N, Plan) when N >= length(Plan) -> lists:last(Plan);
outcome(N, Plan)                     -> lists:nth(N, Plan).

maybe_hold(Point, From, Answer, #{holds := Holds, held := Held, waiting := Waiting} = S) ->
    case lists:member(Point, Holds) of
        false ->
            answer(From, Answer, S);
        true ->
            S1 = S#{holds := lists:delete(Point, Holds), held := Held#{Point => {From, Answer}}},
            case maps:take(Point, Waiting) of
                {Driver, Waiting1} -> answer(Driver, ok, S1#{waiting := Waiting1});
                error -> S1
            end
    end.

%% Two ends cannot be logged by the one who ends: a kill, and a supervisor's own
%% exit (the behaviour has no hook for it). The log finds them when the next event
%% comes in. That is exact: an event that follows from such an end is logged after
%% the supervisor saw it, and is_process_alive/1 is false by then. Children started
%% later stop earlier and a supervisor starts before its children, hence newest first.
sweep(#{watched := Watched} = S) ->
    Dead = [{Seq, Pid} || {Pid, {Seq, _, _, _, _}} <- maps:to_list(Watched),
                          not is_process_alive(Pid)],
    lists:foldl(fun({_, Pid}, Acc) -> bury(Pid, Acc) end, S, lists:reverse(lists:sort(Dead))).

bury(Pid, #{watched := Watched} = S) ->
    {{_, Id, Kind, Expected, Mon}, Watched1} = maps:take(Pid, Watched),
    Reason = receive {'DOWN', Mon, process, Pid, R} -> R end,
    S1 = S#{watched := Watched1},
    case Kind of
        supervisor when Id =:= root ->
            append(['supervisor-exit', root, reason(Reason)], S1#{root_exit := reason(Reason)});
        supervisor ->
            append(['supervisor-exit', Id, reason(Reason)], S1);
        worker when Reason =:= killed, not Expected ->
            append([killed, Id], S1);
        worker ->
            S1
    end.

%%% ------------------------------------------------------------------
%%% Our words and OTP's
%%% ------------------------------------------------------------------

otp_flags(#{strategy := Strategy, maxRestarts := Max, withinMs := Ms, autoShutdown := Auto}) ->
    #{strategy => case Strategy of
                      oneForOne -> one_for_one;
                      restForOne -> rest_for_one;
                      oneForAll -> one_for_all;
                      _ -> Strategy
                  end,
      intensity => Max,
      period => Ms div 1000,
      auto_shutdown => case Auto of
                           anySignificant -> any_significant;
                           allSignificant -> all_significant;
                           _ -> Auto
                       end}.

otp_child(Spec) ->
    Start = case Spec of
                #{start := null} ->
                    #{};
                #{type := supervisor, id := Id, supervisor := Sup, children := Children} ->
                    #{start => {?MODULE, start_tree, [{Id, Sup, Children}]}};
                _ ->
                    #{start => {?MODULE, start_worker, [Spec]}}
            end,
    Shutdown = case Spec of
                   #{shutdownMs := brutalKill} -> #{shutdown => brutal_kill};
                   #{shutdownMs := Other} -> #{shutdown => Other};
                   _ -> #{}
               end,
    maps:merge(maps:merge(Start, Shutdown),
               maps:with([id, restart, significant, type, colour], Spec)).

otp_reason(normal)            -> normal;
otp_reason(shutdown)          -> shutdown;
otp_reason('shutdown-detail') -> {shutdown, detail};
otp_reason(crashed)           -> {crashed, on_purpose}.

reason(normal)        -> normal;
reason(shutdown)      -> shutdown;
reason({shutdown, _}) -> 'shutdown-detail';
reason(killed)        -> killed;
reason(_)             -> crashed.

%%% ------------------------------------------------------------------
%%% JSON. An object is {[{Key, Value}]}, which keeps the order of its keys.
%%% ------------------------------------------------------------------

%% The cases leave out what is OTP's default; the spec cases show all that was given.
sup_json(Sup) -> without(#{autoShutdown => never}, raw_sup_json(Sup)).

child_json(Spec) -> without(#{restart => permanent}, raw_child_json(Spec)).

without(Defaults, {Fields}) ->
    {[F || {Key, Value} = F <- Fields, maps:get(Key, Defaults, none) =/= Value]}.

raw_sup_json(Sup) ->
    object([strategy, maxRestarts, withinMs, autoShutdown, colour], Sup).

raw_child_json(#{supervisor := #{} = Sup, children := Children} = Spec) ->
    raw_child_json(Spec#{supervisor := {json, sup_json(Sup)},
                         children := {json, [child_json(C) || C <- Children]}});
raw_child_json(Spec) ->
    object([id, restart, significant, type, shutdownMs, init, onStop, start, colour, supervisor,
            children], Spec).

step_json({exitUnsettled, Id, Reason}) ->
    {[{do, exit}, {id, Id}, {reason, Reason}, {settle, false}]};
step_json({exit, Id, Reason}) ->
    {[{do, exit}, {id, Id}, {reason, Reason}]};
step_json({startChild, Spec}) ->
    {[{do, startChild}, {spec, child_json(Spec)}]};
step_json({in, Sup, Step}) ->
    {[Do | Fields]} = step_json(Step),
    {[Do, {in, Sup} | Fields]};
step_json({send, Call}) ->
    {[{do, Name} | Fields]} = step_json(Call),
    {[{do, send}, {call, Name} | Fields]};
step_json({wait, Ms}) ->
    {[{do, wait}, {ms, Ms}]};
step_json({Point, Id, At}) ->
    {[{do, Point}, {id, Id}, {at, At}]};
step_json({Call, Id}) ->
    {[{do, Call}, {id, Id}]};
step_json(Name) ->
    {[{do, Name}]}.

object(Keys, Map) -> {[{K, maps:get(K, Map)} || K <- Keys, is_map_key(K, Map)]}.

json({json, Done}) ->
    json(Done);
json({Fields}) ->
    ["{", lists:join(",", [[json(K), ":", json(V)] || {K, V} <- Fields]), "}"];
json(List) when is_list(List)   -> ["[", lists:join(",", [json(E) || E <- List]), "]"];
json(null)                      -> "null";
json(true)                      -> "true";
json(false)                     -> "false";
json(Int) when is_integer(Int)  -> integer_to_list(Int);
json(Flt) when is_float(Flt)    -> float_to_list(Flt, [short]);
json(Atom) when is_atom(Atom)   -> json(atom_to_binary(Atom));
json(Bin) when is_binary(Bin) ->
    %% Names and printed terms only: quotes and backslashes are all there is to escape.
    [$", [case C of $" -> "\\\""; $\\ -> "\\\\"; _ when C >= 32, C < 127 -> C end
          || <<C>> <= Bin], $"].
