/** What a repair has found: each thing as it is found, and a summary at the end. */
import type { RebuildListsProgress, UnreadableSession } from '@beamclaw/core/adapter'
import type { CheckedFiles, DamagedLine, FileFinding, MissingLines } from '@beamclaw/store-fs'
import { coloured, say, sayJson, visible } from '../../output.ts'

interface Session {
  readonly tenant: string
  readonly sessionKey: string
}

/** Places of one log that people are shown. */
const mostShown = 5

export class RepairReport {
  readonly #isJson: boolean
  readonly #tenants: (RebuildListsProgress & { readonly tenant: string })[] = []
  // Sessions and other logs whose damage is told, by tenant.
  readonly #damaged = new Map<string, Set<string>>()
  #otherLogs = 0
  #documents = 0
  #blobs = 0
  #checked: CheckedFiles | undefined

  constructor(isJson: boolean) {
    this.#isJson = isJson
  }

  /** True when something damaged remains in use. */
  get isDamaged(): boolean {
    return this.#otherLogs > 0 || this.#damaged.size > 0
  }

  isReported(tenant: string, sessionKey: string): boolean {
    return this.#damaged.get(tenant)?.has(sessionKey) === true
  }

  finding(finding: FileFinding, session: Session | undefined): void {
    if (finding.kind === 'log') return this.#log(finding.path, finding.key, finding.lines, session)
    const { kind, file, setAside } = finding
    const key = finding.key ?? null
    if (kind === 'document') this.#documents += 1
    else this.#blobs += 1
    const blob = finding.kind === 'blob' ? { id: finding.id } : {}
    if (this.#isJson) return sayJson({ type: 'set-aside', kind, key, ...(session ?? {}), ...blob, file, setAside })
    const what = kind === 'document' ? 'damaged document' : `damaged attachment ${'id' in blob ? blob.id : ''}`
    const owner = session === undefined ? keyText(finding.key) : sessionText(session)
    say(`${coloured('yellow', 'set aside')}  ${what}${owner}: ${visible(file)}`)
    say(`           → now ${visible(setAside)}; take it from a backup if it is needed`)
  }

  unreadable({ tenant, sessionKey, damage, lines }: UnreadableSession & Session & { readonly lines: readonly Place[] }): void {
    this.#log(undefined, undefined, lines, { tenant, sessionKey }, damage)
  }

  checked(checked: CheckedFiles): void {
    this.#checked = checked
  }

  tenant(tenant: string, progress: RebuildListsProgress): void {
    this.#tenants.push({ tenant, ...progress })
  }

  summary(path: string): void {
    const { temporaries = 0, documents = 0, blobs = 0, logs = 0, bytes = 0 } = this.#checked ?? {}
    const tenants = this.#tenants.map(({ tenant, done, withWork, unnamedBlobs }) => ({
      tenant,
      sessions: done,
      withWork,
      damaged: this.#damaged.get(tenant)?.size ?? 0,
      unnamedAttachments: unnamedBlobs,
    }))
    const setAside = { documents: this.#documents, attachments: this.#blobs }
    if (this.#isJson) {
      const looked = { documents, attachments: blobs, logs, bytes }
      return sayJson({
        type: 'summary',
        path,
        tenants,
        setAside,
        otherDamagedLogs: this.#otherLogs,
        temporaries,
        looked,
        isUsable: !this.isDamaged,
      })
    }
    for (const { tenant, sessions, withWork, damaged, unnamedAttachments } of tenants) {
      say(`${visible(tenant)}: ${many(sessions, 'session')}, ${withWork} with work, ${damaged} damaged`)
      if (unnamedAttachments > 0)
        say(`  ${many(unnamedAttachments, 'attachment')} that no message names; they stay, and go with their sessions`)
    }
    say(`set aside: ${many(setAside.documents, 'document')}, ${many(setAside.attachments, 'attachment')}`)
    if (temporaries > 0) say(`removed: ${many(temporaries, 'temporary file')} of processes that are gone`)
    say(this.isDamaged ? coloured('red', 'damage remains: see above') : coloured('green', 'everything is usable now'))
  }

  #log(path: string | undefined, key: FileFinding['key'], lines: readonly Place[], session: Session | undefined, damage?: string): void {
    if (session === undefined) this.#otherLogs += 1
    else {
      const known = this.#damaged.get(session.tenant) ?? new Set()
      this.#damaged.set(session.tenant, known.add(session.sessionKey))
    }
    if (this.#isJson)
      return sayJson({ type: 'damage', ...(session ?? { key: key ?? null }), ...(damage && { damage }), ...(path && { path }), lines })
    const owner = session === undefined ? keyText(key) : sessionText(session)
    const places = lines.slice(0, mostShown).map(placeOf).join(', ')
    const more = lines.length > mostShown ? `, and ${lines.length - mostShown} more` : ''
    say(`${coloured('red', 'damaged')}    journal${owner}: ${visible(places === '' ? (damage ?? '') : `${places}${more}`)}`)
    const command = session === undefined ? '' : `; beamclaw journal ${commandOf(session)} prints what can be read`
    say(`           → left as it is: restore that file from a backup${visible(command)}`)
  }
}

type Place = DamagedLine | MissingLines

function placeOf(place: Place): string {
  if (place.kind === 'missing') return `records ${place.firstSeq} to ${place.lastSeq} are missing`
  return place.line === undefined ? `${place.file} at byte ${place.offset}` : `${place.file} line ${place.line}`
}

function commandOf({ tenant, sessionKey }: Session): string {
  return tenant === 'default' ? sessionKey : `${sessionKey} --tenant ${tenant}`
}

function sessionText({ tenant, sessionKey }: Session): string {
  return ` of ${visible(sessionKey)}${tenant === 'default' ? '' : ` (tenant ${visible(tenant)})`}`
}

function keyText(key: readonly string[] | undefined): string {
  return key === undefined ? '' : ` ${visible(JSON.stringify(key))}`
}

function many(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
