# What Elixir's own GenServer, DynamicSupervisor and Registry do on this machine: the
# figures our benchmark is held against.
#
#   elixir bench/otp/reference.exs [CHILDREN] [REGISTRY_PARTITIONS]      (default 100000 1)
#   elixir --erl "+S 1" bench/otp/reference.exs                          on one scheduler
#
# Prints one line of JSON at the end, in nanoseconds or bytes per operation, medians of three
# rounds. The set-up is the fastest honest one, in OTP's favour where there is a choice:
#
#  * one registry partition: a single process registers and looks up here, and with two the
#    starts measured 50 % slower, lookups 20 % (two cores);
#  * integer keys, calls by pid, and no reports about crashes at all;
#  * a driver process with some heap of its own from the beginning, so that it is not the
#    growing of the driver's heap that gets measured.
#
# Two things in OTP are quadratic when very many children end at once, and would otherwise
# hide what a restart costs. The supervisor looks for the answer of each child it starts in
# its whole mailbox, where the exits of the others wait; and at each restart it walks the
# list of all restarts inside its window. Hence three figures for a crash and restart:
#
#  * `crashRestartNs`: 10,000 crash at the same time (one round only);
#  * `crashRestartSerialNs`: 10,000 crash one by one, each as soon as the last one is back;
#  * `crashRestart100Ns`: 100 crash at the same time, with no other restart in the window.

defmodule OtpReference.Child do
  use GenServer

  def start_link(key), do: GenServer.start_link(__MODULE__, key, name: OtpReference.via(key))
  def start_unnamed(key), do: GenServer.start_link(__MODULE__, key)

  @impl true
  def init(key) do
    # Only the crash round wants to hear of starts; a message from each of the first ones
    # would fill the driver's mailbox.
    case :persistent_term.get(OtpReference.Watcher, nil) do
      nil -> :ok
      watcher -> send(watcher, {:up, key})
    end

    {:ok, key}
  end

  @impl true
  def handle_call(:ping, _from, key), do: {:reply, :pong, key}

  @impl true
  def handle_cast({:ack, to}, key) do
    send(to, :ack)
    {:noreply, key}
  end

  def handle_cast({:hibernate, to}, key) do
    send(to, :ack)
    {:noreply, key, :hibernate}
  end

  def handle_cast(:crash, _key), do: raise("on purpose")
end

defmodule OtpReference do
  alias OtpReference.{Child, Watcher}

  @registry OtpReference.Registry
  @crashes 10_000
  @calls 1_000_000
  @spread_calls 500_000
  @rounds 3

  def via(key), do: {:via, Registry, {@registry, key}}

  def main(n, partitions) do
    :ok = :logger.set_primary_config(:level, :none)
    warm_up(partitions)

    rounds = for _ <- 1..@rounds, do: round(n, partitions)
    crash_restart = crash_round(n, partitions)
    static = for size <- Enum.uniq([1_000, n]), do: {size, static(size)}

    [
      {"otp", inspect(to_string(:erlang.system_info(:otp_release)))},
      {"elixir", inspect(System.version())},
      {"schedulers", System.schedulers_online()},
      {"children", n},
      {"partitions", partitions},
      {"startNs", median(rounds, :start)},
      {"callNs", median(rounds, :call)},
      {"callSpreadNs", median(rounds, :call_spread)},
      {"castAckNs", median(rounds, :cast_ack)},
      {"lookupCastAckNs", median(rounds, :lookup_cast_ack)},
      {"crashes", min(@crashes, n)},
      {"crashRestartNs", crash_restart},
      {"crashRestartSerialNs", median(rounds, :crash_restart_serial)},
      {"crashRestart100Ns", median(rounds, :crash_restart_100)},
      {"bytesPerActor", median(rounds, :bytes)},
      {"bytesPerActorHibernated", median(rounds, :bytes_hibernated)},
      {"supervisorStaticStartNs", object(for {size, {start, _}} <- static, do: {size, start})},
      {"supervisorStaticStopNs", object(for {size, {_, stop}} <- static, do: {size, stop})}
    ]
    |> object()
    |> IO.puts()
  end

  # --- rounds -------------------------------------------------------------------------

  defp warm_up(partitions) do
    for _ <- 1..3, do: round(2_000, partitions, 50_000, 50_000, 500)
    crash_round(2_000, partitions)
    static(1_000)
  end

  defp round(n, partitions, calls \\ @calls, spread_calls \\ @spread_calls, crashes \\ @crashes) do
    with_supervisor(partitions, fn sup ->
      before = memory()
      start = per(n, fn -> start_children(sup, 1, n) end)
      bytes = (memory() - before) / n

      pids = pids(sup)
      one = hd(pids)
      call = per(calls, fn -> call(one, calls) end)
      call_spread = per(spread_calls, fn -> call_spread(pids, pids, spread_calls) end)
      cast_ack = per(n, fn -> cast_all(pids) && await_acks(n) end)
      lookup_cast_ack = per(n, fn -> lookup_cast_all(1, n) && await_acks(n) end)

      few = min(100, n)
      crash_restart_100 = crash_restart(few, fn old -> crash_all(old) && await_ups(few) end)
      crash_restart_serial = crash_restart(min(crashes, n), &crash_serially/1)

      hibernate_all(sup)
      bytes_hibernated = (memory() - before) / n

      %{
        start: start,
        bytes: bytes,
        call: call,
        call_spread: call_spread,
        cast_ack: cast_ack,
        lookup_cast_ack: lookup_cast_ack,
        crash_restart_100: crash_restart_100,
        crash_restart_serial: crash_restart_serial,
        bytes_hibernated: bytes_hibernated
      }
    end)
  end

  defp crash_round(n, partitions) do
    with_supervisor(partitions, fn sup ->
      start_children(sup, 1, n)
      crashes = min(@crashes, n)
      round(crash_restart(crashes, fn old -> crash_all(old) && await_ups(crashes) end))
    end)
  end

  # Each round has a process, a registry and a supervisor of its own.
  defp with_supervisor(partitions, fun) do
    in_fresh_process(fn ->
      Process.flag(:trap_exit, true)

      {:ok, registry} =
        Registry.start_link(keys: :unique, name: @registry, partitions: partitions)

      {:ok, sup} =
        DynamicSupervisor.start_link(
          strategy: :one_for_one,
          max_restarts: 1_000_000_000,
          max_seconds: 1
        )

      figures = fun.(sup)

      # Killed all together, not stopped: DynamicSupervisor.stop is quadratic as well, and a
      # registry takes seconds to digest the exits of 100,000 children.
      parts = for {_, pid, _, _} <- Supervisor.which_children(registry), do: pid
      all = [sup, registry | parts] ++ pids(sup)
      for pid <- [sup, registry | parts], do: Process.exit(pid, :kill)
      Enum.each(all, &await_end/1)
      figures
    end)
  end

  defp static(n) do
    # A thousand take a few milliseconds: more rounds for a steady median.
    rounds =
      for _ <- 1..if(n > 1_000, do: @rounds, else: 21) do
        in_fresh_process(fn ->
          specs = for key <- 1..n, do: %{id: key, start: {Child, :start_unnamed, [key]}}

          {start, {:ok, sup}} =
            timed(fn -> Supervisor.start_link(specs, strategy: :one_for_one) end)

          {stop, :ok} = timed(fn -> Supervisor.stop(sup, :normal, :infinity) end)
          %{start: start / n, stop: stop / n}
        end)
      end

    {median(rounds, :start), median(rounds, :stop)}
  end

  # --- what is measured ---------------------------------------------------------------

  defp start_children(_sup, key, n) when key > n, do: :ok

  defp start_children(sup, key, n) do
    {:ok, _} =
      DynamicSupervisor.start_child(sup, %{id: Child, start: {Child, :start_link, [key]}})

    start_children(sup, key + 1, n)
  end

  defp call(_pid, 0), do: :ok

  defp call(pid, count) do
    :pong = GenServer.call(pid, :ping)
    call(pid, count - 1)
  end

  defp call_spread(_pids, _all, 0), do: :ok
  defp call_spread([], all, count), do: call_spread(all, all, count)

  defp call_spread([pid | pids], all, count) do
    :pong = GenServer.call(pid, :ping)
    call_spread(pids, all, count - 1)
  end

  defp cast_all([]), do: true

  defp cast_all([pid | pids]) do
    :ok = GenServer.cast(pid, {:ack, self()})
    cast_all(pids)
  end

  defp lookup_cast_all(key, n) when key > n, do: true

  defp lookup_cast_all(key, n) do
    [{pid, _}] = Registry.lookup(@registry, key)
    :ok = GenServer.cast(pid, {:ack, self()})
    lookup_cast_all(key + 1, n)
  end

  defp await_acks(0), do: :ok

  defp await_acks(n) do
    receive do
      :ack -> await_acks(n - 1)
    end
  end

  # A child registers its name before its init runs, so `:up` says that the name is back.
  defp crash_restart(count, fun) do
    old = for key <- 1..count, do: GenServer.whereis(via(key))
    :persistent_term.put(Watcher, self())
    figure = per(count, fn -> fun.(old) end)
    :persistent_term.erase(Watcher)

    # The figure is worth something only if each of them is a new process with the old name.
    fresh = for key <- 1..count, do: GenServer.whereis(via(key))
    true = Enum.all?(Enum.zip(old, fresh), fn {a, b} -> is_pid(b) and a != b end)
    figure
  end

  defp crash_serially([]), do: :ok

  defp crash_serially([pid | pids]) do
    :ok = GenServer.cast(pid, :crash)
    await_ups(1)
    crash_serially(pids)
  end

  defp crash_all([]), do: true

  defp crash_all([pid | pids]) do
    :ok = GenServer.cast(pid, :crash)
    crash_all(pids)
  end

  defp await_ups(0), do: :ok

  defp await_ups(n) do
    receive do
      {:up, _key} -> await_ups(n - 1)
    end
  end

  defp hibernate_all(sup) do
    pids = pids(sup)
    Enum.each(pids, &GenServer.cast(&1, {:hibernate, self()}))
    await_acks(length(pids))
    await_hibernation(pids)
  end

  # The ack comes just before; no message tells when a process sleeps.
  defp await_hibernation(pids) do
    case Enum.reject(pids, &hibernated?/1) do
      [] ->
        :ok

      awake ->
        Process.sleep(10)
        await_hibernation(awake)
    end
  end

  defp hibernated?(pid),
    do: Process.info(pid, :current_function) == {:current_function, {:erlang, :hibernate, 3}}

  # The whole system, ETS tables included, after a garbage collection of every process but
  # the hibernated ones: they have just had theirs, and another would give them a heap again.
  defp memory do
    for pid <- Process.list(), not hibernated?(pid), do: :erlang.garbage_collect(pid)
    :erlang.memory(:total)
  end

  defp pids(sup), do: for({_, pid, _, _} <- DynamicSupervisor.which_children(sup), do: pid)

  defp await_end(pid) do
    monitor = Process.monitor(pid)

    receive do
      {:DOWN, ^monitor, _, _, _} -> :ok
    end
  end

  # --- timing and printing ------------------------------------------------------------

  defp in_fresh_process(fun) do
    parent = self()
    ref = make_ref()

    {_, monitor} =
      :erlang.spawn_opt(fn -> send(parent, {ref, fun.()}) end, [
        :monitor,
        min_heap_size: 200_000
      ])

    result =
      receive do
        {^ref, result} -> result
        {:DOWN, ^monitor, _, _, reason} -> exit(reason)
      end

    receive do
      {:DOWN, ^monitor, _, _, _} -> result
    end
  end

  defp per(count, fun) do
    {time, _} = timed(fun)
    time / count
  end

  defp timed(fun) do
    start = System.monotonic_time(:nanosecond)
    result = fun.()
    {System.monotonic_time(:nanosecond) - start, result}
  end

  defp median(rounds, key) do
    sorted = rounds |> Enum.map(&Map.fetch!(&1, key)) |> Enum.sort()
    round(Enum.at(sorted, div(length(sorted), 2)))
  end

  defp object(fields) do
    "{" <> Enum.map_join(fields, ",", fn {key, value} -> ~s("#{key}":#{value}) end) <> "}"
  end
end

args = Enum.map(System.argv(), &String.to_integer/1)
OtpReference.main(Enum.at(args, 0, 100_000), Enum.at(args, 1, 1))
