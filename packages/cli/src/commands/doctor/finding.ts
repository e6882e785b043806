/** The result of one check. */
export interface Finding {
  readonly name: string
  readonly state: 'ok' | 'warning' | 'problem'
  readonly detail: string
  /** What to do; absent when nothing has to be done. */
  readonly advice?: string
  /** What was measured, for programs. */
  readonly facts?: Readonly<Record<string, string | number>>
}

export function ok(name: string, detail: string): Finding {
  return { name, state: 'ok', detail }
}

export function warning(name: string, detail: string, advice: string): Finding {
  return { name, state: 'warning', detail, advice }
}

export function problem(name: string, detail: string, advice: string): Finding {
  return { name, state: 'problem', detail, advice }
}
