import type { MoreMessages } from '../en/more'

export const rolling: Pick<MoreMessages, 'rolling'> = {
  rolling: {
    failedBack: '失败，已恢复',
    goesBack: '{total} 台主机中有 {failed} 台失败，超出允许的数量。发布已停止，已变更的主机正在恢复到之前的版本。',
    wentBack: '{total} 台主机中有 {failed} 台失败，超出允许的数量，因此发布已停止。已恢复的已变更主机：{back} 台。未再执行的主机：{left} 台。',
  },
}
