import { testSimulations } from './documented-simulations.ts'
import { simulationsOfDrift } from './simulations.ts'

testSimulations(simulationsOfDrift)
