/** A process that starts one command and tells its parent the identity with the first output; then it waits to be killed. */
import { makeSandbox, type SandboxName } from './sandboxes.ts'

const { name, argv, isDetached, workspace, scratch } = JSON.parse(process.argv[2] ?? '{}') as {
  readonly name: SandboxName
  readonly argv: [string, ...string[]]
  readonly isDetached: boolean
  readonly workspace: string
  readonly scratch: string
}
const sandbox = makeSandbox(name, scratch)
const first = Promise.withResolvers<void>()
const running = await sandbox.spawn(await sandbox.prepare({ argv, workspace }), {
  listener: { onOutput: () => first.resolve(), onExit: () => process.exit(1) },
  isDetached,
})
await first.promise
process.stdout.write(`${JSON.stringify(running.identity)}\n`)
setInterval(() => undefined, 1_000)
