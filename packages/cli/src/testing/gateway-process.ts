/** A real gateway in a process of its own, for tests that talk to it and kill it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface GatewayProcess {
  readonly url: string
  readonly child: ChildProcess
  /** Resolves with the exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>
  /** Everything it printed so far. */
  readonly output: () => string
}

/**
 * Runs `beamclaw start` from source, with the demo model unless the flags name a configuration, and resolves once it is ready. Rejects with
 * what it printed when it ends before.
 * @param wrapper a program and its arguments that is to start the gateway, such as `strace`
 */
export async function startGateway(
  flags: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  wrapper: readonly string[] = [],
): Promise<GatewayProcess> {
  const bin = fileURLToPath(new URL('../bin.ts', import.meta.url))
  const config = flags.includes('--config') ? [] : ['--config', fileURLToPath(new URL('fast-demo.yaml', import.meta.url))]
  const args = ['start', '--port', '0', '--log-format', 'json', ...config, ...flags]
  const [command = '', ...rest] = [...wrapper, process.execPath, '--conditions=beamclaw:source', bin, ...args]
  const child = spawn(command, rest, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH ?? '', HOME: '/nonexistent', ...environment },
  })
  let printed = ''
  const exited = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals)
  const ready = Promise.withResolvers<string>()
  child.stderr.on('data', (chunk: Buffer) => {
    printed += chunk.toString()
  })
  createInterface({ input: child.stdout }).on('line', (line) => {
    printed += `${line}\n`
    const record = line.startsWith('{') ? (JSON.parse(line) as { readonly event?: string; readonly url?: string }) : {}
    if (record.event === 'gateway.ready' && record.url !== undefined) ready.resolve(record.url)
  })
  exited.then((code) => ready.reject(new Error(`the gateway ended with ${code}:\n${printed}`)))
  return { url: await ready.promise, child, exited, output: () => printed }
}
