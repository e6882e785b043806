/** A process that was started with descriptor 50 open: tells what its commands have under that number, with pipes and in a terminal. */
import { makeSandbox, type SandboxName } from './sandboxes.ts'

const [name, workspace = '/'] = process.argv.slice(2)
const sandbox = makeSandbox(name as SandboxName, workspace)
for (const terminal of [undefined, { columns: 80, rows: 24 }]) {
  const over = Promise.withResolvers<unknown>()
  const argv = ['sh', '-c', 'readlink /proc/self/fd/50 || echo none'] as const
  const prepared = await sandbox.prepare({ argv: [...argv], workspace, ...(terminal === undefined ? {} : { terminal }) })
  await sandbox.spawn(prepared, { listener: { onOutput: (chunk) => void process.stdout.write(chunk), onExit: over.resolve } })
  await over.promise
}
process.exit(0)
