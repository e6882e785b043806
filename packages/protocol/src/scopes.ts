/** What a connection may do. */

/** Every scope of an operator. `operator.admin` implies all, `operator.write` implies `operator.read` and `operator.talk`. */
export const operatorScopes = [
  'operator.read',
  'operator.write',
  'operator.admin',
  'operator.approvals',
  'operator.questions',
  'operator.pairing',
  'operator.talk',
  'operator.talk.secrets',
] as const

export type OperatorScope = (typeof operatorScopes)[number]

export function isOperatorScope(value: string): value is OperatorScope {
  return (operatorScopes as readonly string[]).includes(value)
}

/** True when somebody with `granted` may do what needs `required`. */
export function hasScope(granted: readonly string[], required: OperatorScope): boolean {
  if (granted.includes('operator.admin') || granted.includes(required)) return true
  return (required === 'operator.read' || required === 'operator.talk') && granted.includes('operator.write')
}
