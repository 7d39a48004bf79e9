import { darkTheme, type GlobalThemeOverrides } from 'naive-ui'
import { computed } from 'vue'
import { useTheme } from './mode'

const font = {
  fontFamily:
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', sans-serif",
  fontFamilyMono: "ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace",
  fontSize: '13px',
  fontSizeSmall: '13px',
  fontSizeMedium: '13px',
  borderRadius: '6px',
  heightSmall: '28px',
  heightMedium: '32px',
}

/** The tokens of `tokens.css` in the words of Naive UI. */
const light: GlobalThemeOverrides = {
  common: {
    ...font,
    primaryColor: '#2456c9',
    primaryColorHover: '#1c47ab',
    primaryColorPressed: '#173c93',
    primaryColorSuppl: '#2456c9',
    errorColor: '#b9272c',
    errorColorHover: '#a01f24',
    errorColorPressed: '#8a1a1e',
    errorColorSuppl: '#b9272c',
    textColorBase: '#16191f',
    textColor1: '#16191f',
    textColor2: '#16191f',
    textColor3: '#636b78',
    placeholderColor: '#636b78',
    borderColor: '#c4cad3',
    bodyColor: '#f6f7f9',
    cardColor: '#ffffff',
    modalColor: '#ffffff',
    popoverColor: '#ffffff',
  },
  Checkbox: { textColorDisabled: '#636b78' },
}

const night: GlobalThemeOverrides = {
  common: {
    ...font,
    primaryColor: '#86a8ff',
    primaryColorHover: '#a3bdff',
    primaryColorPressed: '#7095f0',
    primaryColorSuppl: '#86a8ff',
    errorColor: '#ff8a86',
    errorColorHover: '#ffa3a0',
    errorColorPressed: '#f07a76',
    errorColorSuppl: '#ff8a86',
    textColorBase: '#e8ebf0',
    textColor1: '#e8ebf0',
    textColor2: '#e8ebf0',
    textColor3: '#929cab',
    placeholderColor: '#929cab',
    borderColor: '#3a4350',
    bodyColor: '#0f1216',
    cardColor: '#161a20',
    modalColor: '#1d222a',
    popoverColor: '#1d222a',
    inputColor: '#12161b',
  },
  Checkbox: { textColorDisabled: '#929cab' },
  // As the platform's own selects and dates beside them.
  Input: { border: '1px solid #525b68', borderHover: '1px solid #86a8ff' },
  Button: { textColorPrimary: '#0b1430', textColorHoverPrimary: '#0b1430', textColorPressedPrimary: '#0b1430', textColorFocusPrimary: '#0b1430', textColorDisabledPrimary: '#0b1430', textColorError: '#2a0708', textColorHoverError: '#2a0708', textColorPressedError: '#2a0708', textColorFocusError: '#2a0708' },
}

export function useNaiveTheme() {
  const { mode } = useTheme()
  return {
    theme: computed(() => (mode.value === 'dark' ? darkTheme : null)),
    overrides: computed(() => (mode.value === 'dark' ? night : light)),
  }
}
