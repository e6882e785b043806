/** A process with a call of isolated code that holds up its own event loop; it waits to be killed. */
import { startLimited } from '../../limited-process.ts'

const { child } = startLimited(new URL('../isolated-process.ts', import.meta.url), 64)
// The last that the code says before it loops.
child.on('message', () => process.stdout.write(`${child.pid}\n`))
child.send({ module: new URL('code.ts', import.meta.url).href, input: { act: 'tell-and-loop' }, idempotencyKey: 'a', attempt: 1 })
setInterval(() => undefined, 1_000)
