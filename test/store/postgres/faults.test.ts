import { describe } from 'vitest'
import { missingPostgres, startPostgres } from '../../support/postgres.ts'
import { describeFaults } from '../shared-faults.ts'

const missing = missingPostgres()

describe.skipIf(missing !== undefined)(`faults${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  describeFaults('with PostgreSQL', startPostgres, (url, test) => `${url}?schema=faults_${process.pid}_${test}`)
})
