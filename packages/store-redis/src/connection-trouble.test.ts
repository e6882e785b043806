import { describe, expect, test } from 'vitest'
import { connectionTrouble } from './connection-trouble.ts'

const coded = (code: string, message = code): Error => Object.assign(new Error(message), { code })
const tls = 'rediss://host:6380'

describe('a connection that failed', () => {
  test.each([
    ['self-signed', coded('DEPTH_ZERO_SELF_SIGNED_CERT'), 'certificate', '"tls.ca" (store.caFile'],
    ['of an unknown authority', coded('UNABLE_TO_GET_ISSUER_CERT_LOCALLY'), 'certificate', '"tls.ca" (store.caFile'],
    ['expired', coded('CERT_HAS_EXPIRED'), 'certificate', 'Renew it'],
    ['of another name', coded('ERR_TLS_CERT_ALTNAME_INVALID'), 'certificate', '"tls.servername" (store.servername'],
    ['missing on this side', coded('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'), 'handshake', '"tls.cert" and "tls.key"'],
    ['of a port without TLS', coded('ERR_SSL_WRONG_VERSION_NUMBER'), 'handshake', 'if the port is one without TLS'],
    ['closed', coded('ECONNRESET'), 'handshake', 'if the port is one without TLS'],
    ['not answered', undefined, 'handshake', 'if the port is one without TLS'],
    ['refused', coded('ECONNREFUSED'), 'unreached', 'Start it, or correct the address'],
  ])('over TLS: %s', (_, trouble, kind, advice) => {
    expect(connectionTrouble(tls, trouble)).toMatchObject({ kind, advice: expect.stringContaining(advice) })
    expect(connectionTrouble(tls, new Error('no Sentinel knows', { cause: trouble }))).toMatchObject(trouble === undefined ? {} : { kind })
  })

  test('without TLS: one that is closed may have come to a port with TLS', () => {
    expect(connectionTrouble('redis+sentinel://a:1/ours', coded('ECONNRESET')).advice).toContain('begins with rediss')
    expect(connectionTrouble('unix:///redis.sock', coded('ECONNRESET')).kind).toBe('unreached')
    expect(connectionTrouble('redis://a', coded('ECONNREFUSED')).kind).toBe('unreached')
  })

  test('has a reason of one sentence', () => {
    const altname = "Hostname/IP does not match certificate's altnames: Host: a. is not in the cert's altnames: DNS:b"
    expect(connectionTrouble(tls, coded('ERR_TLS_CERT_ALTNAME_INVALID', altname)).reason).toBe(altname.replace('. ', ' '))
    const openssl = '00A1:error:0A00010B:SSL routines:tls_validate_record_header:wrong version number:../deps/ssl/record.c:82:\n'
    expect(connectionTrouble(tls, coded('ERR_SSL_WRONG_VERSION_NUMBER', openssl)).reason).toBe('wrong version number')
    expect(connectionTrouble('redis://a', undefined).reason).toBe('no connection')
  })
})
