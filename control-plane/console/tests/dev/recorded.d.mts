import type { PluginOption } from 'vite'

export function recordedAnswers(): PluginOption
