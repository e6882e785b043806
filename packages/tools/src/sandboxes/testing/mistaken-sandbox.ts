/** Wrong sandboxes: each breaks one promise, and the contract must find it. */
import { spawn } from 'node:child_process'
import type { CommandListener, CommandRequest, PreparedCommand, Sandbox, SandboxProcess, SpawnOptions } from '@beamclaw/core'

type Spawn = Sandbox['spawn']

/** A mistake as a change of a correct sandbox, and the promise that it breaks. */
interface SandboxMistake {
  readonly change: (correct: Sandbox) => Partial<Sandbox>
  readonly caughtBy: string
}

function hearing(correct: Sandbox, change: (listener: CommandListener) => CommandListener): Spawn {
  return (command, options) => correct.spawn(command, { ...options, listener: change(options.listener) })
}

function handling(correct: Sandbox, change: (running: SandboxProcess) => Partial<SandboxProcess>): Spawn {
  return async (command, options) => {
    const running = await correct.spawn(command, options)
    const changed = change(running)
    return new Proxy(running, {
      get: (target, name) => {
        const value: unknown = name in changed ? Reflect.get(changed, name) : Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }
}

/** A variable of all that the naive sandbox starts. */
export const strayMark = { name: 'BEAMCLAW_MISTAKE', value: String(process.pid) } as const

/** What most people would write. */
const naive = async (command: PreparedCommand, { listener }: SpawnOptions): Promise<SandboxProcess> => {
  const [program = '', ...args] = command.argv
  const child = spawn(program, args, { cwd: command.cwd, env: { ...process.env, [strayMark.name]: strayMark.value, ...command.env } })
  child.on('error', () => undefined)
  child.stdin.on('error', () => undefined)
  child.stdout.on('data', (chunk: Uint8Array) => listener.onOutput(chunk, 'stdout'))
  child.stderr.on('data', (chunk: Uint8Array) => listener.onOutput(chunk, 'stderr'))
  child.on('close', (code, signal) => listener.onExit({ code: code ?? undefined, signal: signal ?? undefined, survivors: 0 }))
  return {
    pid: child.pid,
    identity: {},
    hasTerminal: false,
    write: (data) => new Promise((resolve) => child.stdin.write(data, () => resolve())),
    endInput: async () => void child.stdin.end(),
    resize: () => undefined,
    signal: async (signal) => child.kill(signal),
  }
}

export const sandboxMistakes: Readonly<Record<string, SandboxMistake>> = {
  'takes any request': {
    change: (correct) => ({
      prepare: (request: CommandRequest) => correct.prepare(request).catch(() => correct.prepare({ ...request, argv: ['true'], env: {} })),
    }),
    caughtBy: 'a variable that may run code or change the search for programs is refused, not dropped',
  },
  'starts what it prepares': {
    change: (correct) => ({
      prepare: async (request: CommandRequest) => {
        const prepared = await correct.prepare(request)
        const end = Promise.withResolvers<unknown>()
        await correct.spawn(prepared, { listener: { onOutput: () => undefined, onExit: end.resolve } })
        await end.promise
        return prepared
      },
    }),
    caughtBy: 'preparing changes nothing and starts nothing',
  },
  'passes the variables of the host on': {
    change: () => ({ spawn: naive }),
    caughtBy: 'the variables are those of the sandbox and of the request, and none of the host',
  },
  'looks a program up again': { change: () => ({ spawn: naive }), caughtBy: 'a program that was changed is refused' },
  'signals the first process alone': { change: () => ({ spawn: naive }), caughtBy: 'a signal ends children and their children' },
  'waits for the output of children': {
    change: () => ({ spawn: naive }),
    caughtBy: 'children that are left in the background end with the command, and it does not wait for their output',
  },
  'lets a listener take it down': {
    change: (correct) => ({
      spawn: hearing(correct, (listener) => {
        let isDead = false
        return {
          onOutput: (chunk, stream) => {
            if (isDead) return
            isDead = true
            listener.onOutput(chunk, stream)
          },
          onExit: (exit) => listener.onExit(exit),
        }
      }),
    }),
    caughtBy: 'a listener that throws changes nothing',
  },
  'mixes errors with output': {
    change: (correct) => ({
      spawn: hearing(correct, ({ onOutput, onExit }) => ({ onOutput: (chunk) => onOutput(chunk, 'stdout'), onExit })),
    }),
    caughtBy: 'output and errors come apart, then the exit, once',
  },
  'tells the end twice': {
    change: (correct) => ({
      spawn: hearing(correct, ({ onOutput, onExit }) => ({
        onOutput,
        onExit: (exit) => {
          onExit(exit)
          onExit(exit)
        },
      })),
    }),
    caughtBy: 'output and errors come apart, then the exit, once',
  },
  'says that it reached what is gone': {
    change: (correct) => ({ spawn: handling(correct, () => ({ signal: async () => true })) }),
    caughtBy: 'a signal after the end finds nothing',
  },
  'takes input for ever': {
    change: (correct) => ({ spawn: handling(correct, () => ({ write: async () => undefined })) }),
    caughtBy: 'input arrives, and ends once',
  },
  'forgets the mark of its caller': {
    change: (correct) => ({ spawn: (command, { mark: _, ...options }) => correct.spawn(command, options) }),
    caughtBy: 'a command of which only the mark is known is reaped, and no other one',
  },
  'starts the commands of others': {
    change: (correct) => ({ spawn: (command, options) => correct.spawn({ ...command, sandbox: correct.id }, options) }),
    caughtBy: 'a command that another sandbox has prepared is refused',
  },
}
