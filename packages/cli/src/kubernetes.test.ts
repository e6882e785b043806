/** The manifest in deploy/kubernetes: its parts fit the gateway and each other. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import * as z from 'zod'
import { parseConfig } from './config/load.ts'
import { settingsFrom } from './config/settings.ts'

const configMap = z.object({ kind: z.literal('ConfigMap'), data: z.object({ 'beamclaw.yaml': z.string() }) })
const secret = z.object({ kind: z.literal('Secret'), stringData: z.record(z.string(), z.string()) })
const deployment = z.object({
  kind: z.literal('Deployment'),
  spec: z.object({
    template: z.object({
      spec: z.object({
        terminationGracePeriodSeconds: z.number(),
        containers: z.tuple([
          z.object({
            lifecycle: z.object({ preStop: z.object({ exec: z.object({ command: z.tuple([z.literal('sleep'), z.string()]) }) }) }),
          }),
        ]),
      }),
    }),
  }),
})
const service = z.object({
  kind: z.literal('Service'),
  metadata: z.object({ name: z.string() }),
  spec: z.object({ ports: z.array(z.object({ port: z.number() })) }),
})
const budget = z.object({
  kind: z.literal('PodDisruptionBudget'),
  spec: z.strictObject({ maxUnavailable: z.literal(1), selector: z.unknown() }),
})
const scaled = z.object({
  kind: z.literal('ScaledObject'),
  spec: z.object({ triggers: z.tuple([z.object({ metadata: z.object({ url: z.url(), valueLocation: z.string() }) })]) }),
})

const file = fileURLToPath(new URL('../../../deploy/kubernetes/beamclaw.yaml', import.meta.url))
const parts = parseAllDocuments(readFileSync(file, 'utf8')).map((part) => part.toJS() as { readonly kind: string })

function partOf<T extends { readonly kind: string }>(schema: z.ZodType<T>, kind: T['kind']): T {
  return schema.parse(parts.find((part) => part.kind === kind))
}

const environment = partOf(secret, 'Secret').stringData
const settings = settingsFrom(parseConfig(partOf(configMap, 'ConfigMap').data['beamclaw.yaml'], environment), { environment, flags: {} })

test('the scaler asks by a name that it can resolve, and that the gateway takes', () => {
  const { url, valueLocation } = partOf(scaled, 'ScaledObject').spec.triggers[0].metadata
  const { hostname, port, pathname } = new URL(url)
  const { metadata, spec } = partOf(service, 'Service')
  expect(hostname).toBe(`${metadata.name}.default.svc.cluster.local`)
  expect(settings.allowedHosts).toEqual(expect.arrayContaining([hostname, metadata.name]))
  expect([Number(port), Number(port)]).toEqual([settings.port, spec.ports[0]?.port])
  expect([pathname, valueLocation]).toEqual(['/v1/cluster/scale', 'desired_nodes'])
})

test('a pod has time for the pause before its end and for its drain, and one at a time may go', () => {
  const { terminationGracePeriodSeconds, containers } = partOf(deployment, 'Deployment').spec.template.spec
  const pauseSeconds = Number(containers[0].lifecycle.preStop.exec.command[1])
  expect(pauseSeconds).toBeGreaterThanOrEqual(5)
  expect(terminationGracePeriodSeconds).toBeGreaterThanOrEqual(pauseSeconds + settings.drainMs / 1_000 + 10)
  expect(partOf(budget, 'PodDisruptionBudget').spec.maxUnavailable).toBe(1)
})

test('the job that copies the costs of pods asks by a name that the gateway takes, and may change pods alone', () => {
  const job = readFileSync(fileURLToPath(new URL('../../../deploy/kubernetes/deletion-cost.yaml', import.meta.url)), 'utf8')
  const { hostname, port, pathname } = new URL(/http:\S+/.exec(job)?.[0] ?? '')
  expect(settings.allowedHosts).toContain(hostname)
  expect([Number(port), pathname]).toEqual([settings.port, '/v1/cluster/scale'])
  const kinds = parseAllDocuments(job).map((part) => part.toJS() as { readonly kind: string; readonly rules?: unknown })
  expect(kinds.map(({ kind }) => kind)).toEqual(['ServiceAccount', 'Role', 'RoleBinding', 'CronJob'])
  expect(kinds[1]?.rules).toEqual([{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'patch'] }])
})
