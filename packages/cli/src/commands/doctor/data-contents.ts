/** Checks what is in the data directory: its format, how much there is, and damage. */
import { type DirectorySurvey, type IndexCondition, type SurveyDamage, surveyDirectory, surveyIndex } from '@beamclaw/store-fs'
import { shownBytes, visible } from '../../output.ts'
import { type Finding, ok, problem, warning } from './finding.ts'

const usualMaxMs = 10_000
const progressMs = 200
const mostNamed = 5

export async function checkContents(path: string, maxMs = usualMaxMs): Promise<readonly Finding[]> {
  let shownAt = performance.now()
  const onProgress = ({ checkedBytes, walBytes, ownBytes }: DirectorySurvey): void => {
    const now = performance.now()
    if (process.stderr.isTTY !== true || now - shownAt < progressMs) return
    shownAt = now
    process.stderr.write(`\r\x1b[Klooking for damage: ${shownBytes(checkedBytes)} of about ${shownBytes(walBytes + ownBytes)}`)
  }
  try {
    const survey = await surveyDirectory({ path, maxMs, onProgress })
    const findings = findingsOf(survey)
    return survey.format === 'current' && survey.sessions > 0 ? [...findings, ...indexFindings(await surveyIndex(path))] : findings
  } catch (error) {
    return [warning('data files', `cannot be looked at: ${visible((error as Error).message)}`, 'let this user read the data directory')]
  } finally {
    if (process.stderr.isTTY === true) process.stderr.write('\r\x1b[K')
  }
}

function findingsOf(survey: DirectorySurvey): readonly Finding[] {
  const { format, sessions, ownBytes, walBytes, isWhole } = survey
  if (format === 'missing') return []
  if (format === 'earlier')
    return [
      problem(
        'data format',
        'it has sessions of an earlier release, which this one does not read',
        'use that release, or another data directory',
      ),
    ]
  if (format === 'later')
    return [problem('data format', 'it was written by a later release', 'use that release, or another data directory')]
  const count = `${isWhole ? '' : 'at least '}${sessions} session${sessions === 1 ? '' : 's'}`
  return [
    ok('data format', 'version 1'),
    ok('sessions', `${count}, ${shownBytes(ownBytes)} of files, ${shownBytes(walBytes)} of write-ahead log`),
    damageOf(survey),
  ]
}

const aboutIndex = {
  missing: 'is missing',
  incomplete: 'is not complete',
  damaged: 'is damaged, or of another version',
} as const satisfies Partial<Record<IndexCondition, string>>

/** The index is a cache, so nothing is lost; only lists have to wait. */
function indexFindings(condition: IndexCondition): readonly Finding[] {
  if (condition === 'unknown') return []
  if (condition === 'complete') return [ok('session index', 'complete')]
  const advice = 'the next start makes it anew beside its work; beamclaw doctor --repair does it before a start'
  return [warning('session index', aboutIndex[condition], advice)]
}

function damageOf({ damaged, checkedBytes, isWhole }: DirectorySurvey): Finding {
  const rest = isWhole ? '' : `; the time was up before all was seen`
  if (damaged.length === 0) return ok('data files', `no damage in ${shownBytes(checkedBytes)} that were looked at${rest}`)
  const named = damaged.slice(0, mostNamed).map(placeOf).join(', ')
  const more = damaged.length > mostNamed ? `, and ${damaged.length - mostNamed} more` : ''
  const hasDocuments = damaged.some(({ line, offset }) => line === undefined && offset === undefined)
  const mend = hasDocuments ? '; without one, beamclaw doctor --repair sets damaged documents aside' : ''
  const advice = `take these files from a backup; beamclaw journal shows what can be read of a session${mend}`
  return problem('data files', `damaged: ${named}${more}${rest}`, advice)
}

function placeOf({ file, line, offset }: SurveyDamage): string {
  if (line !== undefined) return `${visible(file)} line ${line}`
  return offset === undefined ? visible(file) : `${visible(file)} at byte ${offset}`
}
