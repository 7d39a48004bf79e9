/** Silences that come again. */
export const silences = {
  silences: {
    repeats: 'Comes again',
    once: 'No, once',
    weekly: 'Every week',
    days: 'On these days',
    fromTime: 'From',
    toTime: 'To',
    toTimeHint: 'On the next day, unless it is later than the beginning.',
    timeWrong: 'Write a time as 22:30.',
    until: 'Ends after',
    untilHint: 'The last day on which it may begin, in your time; within five years.',
    untilPast: 'This day is over.',
    next: 'Next: {at}',
    now: 'Now, until {at}',
    zoneOf: '{times} ({zone})',
  },
}
