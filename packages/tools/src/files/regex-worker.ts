/** The program of the worker that matches an expression of a model against texts: an expression may take for ever. */
import { parentPort, workerData } from 'node:worker_threads'

const { source, flags } = workerData as { readonly source: string; readonly flags: string }
const expression = new RegExp(source, flags)

parentPort?.on('message', (text: string) => {
  const lines: number[] = []
  let line = 1
  for (let at = 0; at <= text.length; line++) {
    const end = text.indexOf('\n', at)
    const next = end === -1 ? text.length : end
    if (expression.test(text.slice(at, next).replace(/\r$/, ''))) lines.push(line)
    at = next + 1
  }
  parentPort?.postMessage(lines)
})
