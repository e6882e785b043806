/** The text of docs/side-by-side.md, made from the programs. */
import { readFileSync } from 'node:fs'
import { type Sdk, sdks } from '../testing/program.ts'
import { remarks, strengths } from './remarks.ts'

const names: Readonly<Record<Sdk, string>> = { beamclaw: 'BeamClaw', 'ai-sdk': 'AI SDK', 'openai-agents': 'OpenAI Agents' }

/** Where the page is. */
export const pageUrl = new URL('../../../docs/side-by-side.md', import.meta.url)

/** Counts the lines that are neither blank nor a comment. */
export function codeLines(code: string): number {
  return code.split('\n').filter((line) => !/^\s*(?:\/\/.*)?$/.test(line)).length
}

/** Returns the page. */
export function sideBySide(): string {
  const rows = remarks.map(({ folder, title }, index) => {
    const counts = sdks.map((sdk) => codeLines(programOf(folder, sdk)))
    return `| ${index + 1}. [${title}](#${slugOf(index, title)}) | ${counts.join(' | ')} |`
  })
  const table = [`| Lines of code | ${sdks.map((sdk) => names[sdk]).join(' | ')} |`, '| --- | --: | --: | --: |', ...rows]
  return `${[
    '<!-- Made by `npm run page` in tests/compare. Change the programs or page/remarks.ts there, not this file. -->',
    '# Side by side',
    wrapped(
      `Eight small programs, each written three times: with BeamClaw (as in this repository), with the AI SDK (${versionsOf('ai', '@ai-sdk/openai-compatible')}), and with OpenAI Agents (${versionsOf('@openai/agents', '@openai/agents-extensions')}). They talk to a model over Chat Completions; its address and key are in \`OPENAI_BASE_URL\` and \`OPENAI_API_KEY\`.`,
    ),
    wrapped(
      'The programs are shown as they are run. [Tests](../tests/compare) run each of them against the same model, and expect the same lines from all three. Others prove the text about killed processes, answers of another shape, and forged or repeated messages.',
    ),
    table.join('\n'),
    'Imports are counted; blank lines and comments are not. All are formatted alike, with lines of at most 140 characters.',
    '## What each has',
    ...strengths.flatMap(({ name, points }) => [
      `**${name}**`,
      points.map((point) => wrapped(`- ${point}`).replaceAll('\n', '\n  ')).join('\n'),
    ]),
    ...remarks.flatMap(({ folder, title, texts }, index) => [
      `## ${index + 1}. ${title}`,
      ...texts.map(wrapped),
      ...sdks.flatMap((sdk) => [`**${names[sdk]}**`, `\`\`\`ts compare\n${programOf(folder, sdk)}\`\`\``]),
    ]),
  ].join('\n\n')}\n`
}

function programOf(folder: string, sdk: Sdk): string {
  return readFileSync(new URL(`../programs/${folder}/${sdk}.ts`, import.meta.url), 'utf8')
}

/** The packages, each with the version that is installed. */
function versionsOf(...packages: string[]): string {
  const versions = packages.map((name) => {
    const manifest = readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8')
    return `\`${name}\` ${(JSON.parse(manifest) as { version: string }).version}`
  })
  return versions.join(', ')
}

/** The anchor that GitHub gives to the heading of a program. */
function slugOf(index: number, title: string): string {
  return `${index + 1}-${title
    .toLowerCase()
    .replaceAll(/[^\w -]/g, '')
    .replaceAll(' ', '-')}`
}

const width = 146

/** Breaks a paragraph into lines. */
function wrapped(text: string): string {
  let [whole, line] = ['', '']
  for (const word of text.split(' ')) {
    if (line.length + 1 + word.length > width) {
      whole += `${line}\n`
      line = word
    } else line += line === '' ? word : ` ${word}`
  }
  return whole + line
}
