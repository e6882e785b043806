/** What the model gives to `exec`. */
import type { StandardSchema } from '@beamclaw/core'
import { z } from 'zod'

/** Where a command runs: in a sandbox, on the host of the gateway, or on another machine. */
export type ExecMode = 'sandbox' | 'gateway' | 'node'

/** Longest wait of one call, in milliseconds. */
export const maxYieldMs = 600_000

/** The input of `exec`, as its schema parses it. */
export interface ExecInput {
  readonly command?: string | undefined
  readonly argv?: readonly string[] | undefined
  readonly shell?: 'sh' | 'bash' | undefined
  readonly cwd?: string | undefined
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly stdin?: string | undefined
  readonly pty?: boolean | undefined
  readonly timeoutMs?: number | undefined
  readonly yieldAfterMs?: number | undefined
  readonly background?: boolean | undefined
  readonly mode?: ExecMode | undefined
}

const noNul = /^[^\0]*$/

/** The schema of `ExecInput`. */
export const execInput: StandardSchema<ExecInput> = z
  .strictObject({
    command: z.string().min(1).max(100_000).regex(noNul).optional().describe('Shell text, run by /bin/sh -c. Give this or argv.'),
    argv: z
      .array(z.string().max(100_000).regex(noNul))
      .min(1)
      .max(1_000)
      .optional()
      .describe('Program and arguments, run without a shell: nothing is expanded. Give this or command.'),
    shell: z.enum(['sh', 'bash']).optional().describe('The shell of command. Default sh.'),
    cwd: z.string().min(1).max(4_096).regex(noNul).optional().describe('Folder, relative to the workspace. Default the workspace.'),
    env: z.record(z.string().max(256), z.string().max(32_768).regex(noNul)).optional().describe('Further environment variables.'),
    stdin: z
      .string()
      .max(100_000)
      .optional()
      .describe(
        'Text for the input, which ends after it. Without it the input is empty, or open with background or pty: then use the process tool.',
      ),
    pty: z.boolean().optional().describe('Runs in a terminal, for programs that need one.'),
    timeoutMs: z.int().min(1).max(2_147_483_647).optional().describe('Milliseconds after which the command is killed.'),
    yieldAfterMs: z
      .int()
      .min(0)
      .max(maxYieldMs)
      .optional()
      .describe('Milliseconds to wait for the end; a command that takes longer goes on in the background.'),
    background: z.boolean().optional().describe('Goes to the background at once: for servers and watchers.'),
    mode: z.enum(['sandbox', 'gateway', 'node']).optional().describe('Where it runs. Leave it out unless told otherwise.'),
  })
  .refine(({ command, argv }) => (command === undefined) !== (argv === undefined), { error: 'Give either command or argv' })
  .refine(({ argv }) => argv === undefined || argv[0] !== '', { error: 'argv[0] is the program and must not be empty' })
  .refine(({ shell, argv }) => shell === undefined || argv === undefined, { error: 'shell goes with command, not with argv' })
