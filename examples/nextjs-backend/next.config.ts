import { join } from 'node:path'
import type { NextConfig } from 'next'

const config: NextConfig = {
  // Loaded by Node as they are: one copy of each in the process, whatever Next bundles.
  serverExternalPackages: ['@beamclaw/core', '@beamclaw/providers', '@beamclaw/store-fs'],
  // Only because this example links the packages of the repository around it; leave it out in an app of your own.
  turbopack: { root: join(import.meta.dirname, '..', '..') },
}

export default config
