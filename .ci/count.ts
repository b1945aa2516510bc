/** Prints `N passed, N failed, N skipped` from the test runner's JSON report. */
import { readFileSync } from 'node:fs'

const report = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as {
  numPassedTests: number
  numFailedTests: number
  numFailedTestSuites: number
  numPendingTests: number
  numTodoTests: number
}
// A file that cannot even be loaded has no failed test in it, and is a failure all the same.
const failed = report.numFailedTests + (report.numFailedTests === 0 ? report.numFailedTestSuites : 0)
const skipped = report.numPendingTests + report.numTodoTests
process.stdout.write(`${report.numPassedTests} passed, ${failed} failed, ${skipped} skipped\n`)
