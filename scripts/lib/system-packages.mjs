// Programs that tests run for real, with the Debian package each one comes from.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fail } from './workspace.mjs'

const programs = { 'redis-server': 'redis-server', chromium: 'chromium', bwrap: 'bubblewrap', strace: 'strace', sshd: 'openssh-server' }

/** Installs missing programs as root through apt; otherwise names the command and, in CI, gives up. */
export function ensureSystemPackages() {
  const missing = Object.entries(programs)
    .filter(([program]) => !onPath(program))
    .map(([, name]) => name)
  if (missing.length === 0) return
  const command = `apt-get install -y --no-install-recommends ${missing.join(' ')}`
  const isRoot = process.getuid?.() === 0
  if (isRoot && onPath('apt-get')) {
    console.error(`beamclaw: installing ${missing.join(', ')} …`)
    const options = { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }
    spawnSync('apt-get', ['update', '-qq'], options)
    if (spawnSync('apt-get', command.split(' ').slice(1), options).status === 0) return
  }
  const notice = `these programs are missing, and the tests that need them are skipped: ${missing.join(', ')}. Install them with: sudo ${command}`
  if (process.env.CI) fail(notice)
  console.error(`\n*** beamclaw: ${notice} ***\n`)
}

function onPath(program) {
  // Servers are where the PATH of a user does not lead to.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin']
  return folders.some((folder) => folder !== '' && existsSync(join(folder, program)))
}
