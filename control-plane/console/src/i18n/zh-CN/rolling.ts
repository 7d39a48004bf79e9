import type { MoreMessages } from '../en/more'

export const rolling: Pick<MoreMessages, 'rolling'> = {
  rolling: {
    failedBack: '失败，已恢复',
    goesBack: '{total} 台主机中有 {failed} 台失败，超出允许的数量。发布已停止，已变更的主机正在恢复到之前的版本。',
  },
}
