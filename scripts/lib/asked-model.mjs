// The published program asks a model, and so does a bundle that a user makes in several files: what only a build can break is broken for all.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const server = `
import { spawn } from 'node:child_process'
import { startModelServer } from '@beamclaw/testkit/model-server'

const model = await startModelServer({ answers: () => 'Hello.' })
const child = spawn(process.execPath, process.argv.slice(2), { stdio: 'inherit', env: { ...process.env, MODEL_URL: model.baseUrl } })
child.once('exit', async (code) => {
  await model.stop()
  process.exit(code ?? 1)
})
`

const configuration = `
providers:
  chat: { type: openai, baseUrl: "\${MODEL_URL}" }
  responses: { type: openai, api: responses, baseUrl: "\${MODEL_URL}" }
  claude: { type: anthropic, apiKey: none, baseUrl: "\${MODEL_URL}" }
agents:
  one: { model: chat/any }
  two: { model: responses/any }
  three: { model: claude/any }
store: { type: memory }
`

const program = `
import { OpenAiProvider } from '@beamclaw/providers/openai'

const request = { model: 'any', messages: [{ role: 'user', content: 'hi' }] }
const provider = new OpenAiProvider({ baseUrl: process.env.MODEL_URL })
for await (const part of provider.doStream(request, { signal: new AbortController().signal })) console.log(part.type)
`

/** Returns what is wrong with the packages that are unpacked in `scratch`. */
export function checkAskedModel(scratch, tools) {
  writeFileSync(join(scratch, 'beside-model.js'), server)
  writeFileSync(join(scratch, 'asked.yaml'), configuration)
  writeFileSync(join(scratch, 'asks.js'), program)
  // Vite's bundler leaves a library in the old format as it is when it splits; esbuild, which most bundlers of servers use, gives it a default alone.
  const tsup = createRequire(import.meta.url).resolve('tsup/package.json')
  const esbuild = createRequire(tsup).resolve('esbuild')
  const options = {
    entryPoints: [join(scratch, 'asks.js')],
    outdir: join(scratch, 'asks-bundled'),
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    outExtension: { '.js': '.mjs' },
    banner: { js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url)" },
  }
  writeFileSync(
    join(scratch, 'bundle-asks.mjs'),
    `import esbuild from '${pathToFileURL(esbuild)}'\nawait esbuild.build(${JSON.stringify(options)})\n`,
  )
  const ways = [
    [
      'the program cannot ask a model',
      ['beside-model.js', 'node_modules/beamclaw/dist/bin.js', 'doctor', '--live', '--config', 'asked.yaml'],
    ],
    ['a bundle of a provider cannot be made', ['bundle-asks.mjs']],
    ['a bundle of a provider cannot ask a model', ['beside-model.js', 'asks-bundled/asks.mjs']],
  ]
  return ways.flatMap(([problem, args]) => {
    const { status, stdout, stderr } = spawnSync('node', args, tools)
    if (status === 0) return []
    return [`${problem}: ${`${stdout}${stderr}`.trim().slice(0, 2_000)}`]
  })
}
