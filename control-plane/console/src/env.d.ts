/// <reference types="vite/client" />
import 'vue-router'

declare module 'vue-router' {
  interface RouteMeta {
    /** Without rail and bar: sign-in and the like. */
    bare?: boolean
    /** i18n key of the page's name. */
    title?: string
    /** Route name of the page above. */
    parent?: string
    /** Makes sense without an org. */
    homeless?: boolean
    /** For those who are not signed in. */
    open?: boolean
    /** For everybody, whether signed in or not: what a mailed link leads to. */
    anyone?: boolean
  }
}
