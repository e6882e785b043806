/** Runs the module of an isolated tool, on its own side. It imports nothing of this project's other packages. */
import type { IsolatedMessage } from './isolated-message.ts'
import type { IsolatedCode, IsolatedWork } from './isolated-tool.ts'

/** Calls the default export of the module, and tells what becomes of it. */
export async function runModule(
  { module, input, idempotencyKey, attempt }: IsolatedWork,
  tell: (message: IsolatedMessage) => void,
): Promise<void> {
  try {
    const { default: code } = (await import(module)) as { readonly default?: unknown }
    if (typeof code !== 'function') throw new TypeError('The module of this tool has no function as its default export')
    const progress = (data: unknown): void => tell({ type: 'progress', data: plain(data) })
    const output = await (code as IsolatedCode)(input, { idempotencyKey, attempt, progress })
    tell({ type: 'done', output: plain(output) })
  } catch (error) {
    const { isRetryable } = (error ?? {}) as { readonly isRetryable?: unknown }
    tell({ type: 'failed', message: error instanceof Error ? error.message : String(error), isRetryable: isRetryable === true })
  }
}

/** Returns the value as JSON has it: what cannot be sent must not end the thread in silence. */
function plain(value: unknown) {
  const text = JSON.stringify(value)
  return text === undefined ? null : JSON.parse(text)
}
