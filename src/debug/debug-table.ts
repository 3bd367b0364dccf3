import type { BaseCallback } from '../callbacks/callback.js';
import { ActivationMonitor } from './activation-monitor.js';
import { DeadUnits } from './dead-units.js';
import { GradientDoctor } from './gradient-doctor.js';
import { GradientMonitor } from './gradient-monitor.js';
import { GradientNoiseScale } from './gradient-noise-scale.js';
import { LeakGuard } from './leak-guard.js';
import { NonFiniteGuard } from './non-finite-guard.js';
import { DebugReport } from './report/debug-report.js';
import { RetraceGuard } from './retrace-guard.js';
import { SaturationMonitor } from './saturation-monitor.js';

/** Callbacks of this room that a registry finds by short name. */
export const debugTable: Readonly<Record<string, new (options?: object) => BaseCallback<object>>> = {
  activationMonitor: ActivationMonitor,
  deadUnits: DeadUnits,
  debugReport: DebugReport,
  gradientDoctor: GradientDoctor,
  gradientMonitor: GradientMonitor,
  gradientNoiseScale: GradientNoiseScale,
  leakGuard: LeakGuard,
  nonFiniteGuard: NonFiniteGuard,
  retraceGuard: RetraceGuard,
  saturationMonitor: SaturationMonitor,
};
