export const silences = {
  silences: {
    repeats: '重复',
    once: '不重复，仅一次',
    weekly: '每周',
    days: '生效日',
    fromTime: '从',
    toTime: '到',
    toTimeHint: '若不晚于开始时间，则为次日。',
    timeWrong: '请按 22:30 的格式填写时间。',
    until: '结束日期',
    untilHint: '最后一个可开始的日期，按您所在时区；最长五年。',
    untilPast: '该日期已过。',
    next: '下次：{at}',
    now: '生效中，至 {at}',
    zoneOf: '{times}（{zone}）',
  },
}
