/** Getting in, in all ways, and what a person sees to about it in their profile. */
import assert from 'node:assert/strict'
import { PASSWORD, client } from './cast.mjs'
import { totp } from './outside.mjs'

/** Somebody new, whom `mary` vouches for; in no org. */
async function somebody(base, more = {}) {
  const username = `p${Date.now()}${Math.floor(Math.random() * 1000)}`
  await (await client(base, 'mary'))('POST', '/users', { username, password: PASSWORD, ...more })
  return username
}

/** Enters name and password, wherever that leads. */
async function enter(page, base, login, password = PASSWORD, path = '/') {
  await page.goto(base + path)
  await page.locator('input[autocomplete=username]').fill(login)
  await page.locator('input[autocomplete=current-password]').fill(password)
  await page.keyboard.press('Enter')
}

/** On a new device, which has no second factor to ask for. */
async function signedIn({ base, another, settle }, login, path, password = PASSWORD) {
  const { page, context } = await another()
  await enter(page, base, login, password, path)
  await page.waitForURL(base + path)
  await settle(page)
  return { page, context }
}

const alert = (page, text) => page.getByRole('alert').filter({ hasText: text }).waitFor()

/** Opens a mailed link: its path and fragment, on this control plane. */
/** Begins to bind the account there, with the password once more. */
async function bindAgain(page) {
  await page.getByRole('button', { name: 'Bind', exact: true }).click()
  await page.getByRole('dialog').locator('input[autocomplete=current-password]').fill(PASSWORD)
  await page.keyboard.press('Enter')
}
async function follow(page, base, link) {
  const url = new URL(link)
  await page.goto(base + url.pathname + url.hash)
}

/** Verifies an address in the API's way, where a story is about something else. */
async function withAddress(base, out) {
  const username = await somebody(base)
  const email = `${username}@example.com`
  const since = Date.now()
  await (await client(base, username))('PATCH', '/me/profile', { email, password: PASSWORD })
  const link = await out.mailed(email, /(http\S*\/verify-email#\S+)/, since)
  const answer = await fetch(`${base}/api/v1/auth/email/verify`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ token: new URL(link).hash.slice(1) }) })
  assert.equal(answer.status, 204)
  return { username, email }
}

export const signInStories = {
  'an authenticator app is set up, asks on new devices, and a recovery code works once': {
    async run(tools) {
      const { base, another, settle } = tools
      const username = await somebody(base)
      const own = await signedIn(tools, username, '/profile/security')
      await own.page.getByRole('button', { name: 'Set up an app' }).click()
      const dialog = own.page.getByRole('dialog')
      await dialog.getByRole('textbox', { name: 'Present password' }).fill('not this one')
      await own.page.keyboard.press('Enter')
      await alert(dialog, 'wrong')
      await dialog.getByRole('textbox', { name: 'Present password' }).fill(PASSWORD)
      await own.page.keyboard.press('Enter')
      await dialog.getByRole('img', { name: /QR code/ }).waitFor()
      await tools.look(own.page, 'totp-picture')
      const secret = await dialog.getByRole('region', { name: 'Secret for the app' }).innerText()
      await dialog.getByRole('textbox', { name: 'Code of the app' }).fill('12345')
      await own.page.keyboard.press('Enter')
      await alert(dialog, 'Six digits')
      await dialog.getByRole('textbox', { name: 'Code of the app' }).fill(totp(secret))
      await own.page.keyboard.press('Enter')
      const codes = (await dialog.getByRole('region', { name: 'Recovery codes' }).innerText()).trim().split('\n')
      assert.equal(codes.length, 10)
      await tools.look(own.page, 'totp-codes')
      await dialog.getByRole('button', { name: 'I have kept them' }).click()
      await own.page.getByText('10 are left').waitFor()

      const second = await another()
      await enter(second.page, base, username)
      await second.page.getByRole('heading', { name: 'One more step' }).waitFor()
      await settle(second.page)
      await tools.look(second.page, 'sign-in-second')
      const code = second.page.locator('input[autocomplete=one-time-code]')
      await code.fill('000000')
      await second.page.keyboard.press('Enter')
      await alert(second.page, 'This code is wrong')
      assert.equal(await code.inputValue(), '')
      // The code that confirmed the app was used: the next one.
      await code.fill(totp(secret, 1))
      await second.page.keyboard.press('Enter')
      await second.page.waitForURL(`${base}/welcome`)
      await second.context.close()

      const third = await another()
      await enter(third.page, base, username)
      await third.page.getByRole('button', { name: 'Use a recovery code' }).click()
      await third.page.getByRole('textbox', { name: 'Recovery code' }).fill(codes[0])
      await third.page.keyboard.press('Enter')
      await third.page.waitForURL(`${base}/welcome`)
      await third.context.close()
      const fourth = await another()
      await enter(fourth.page, base, username)
      await fourth.page.getByRole('button', { name: 'Use a recovery code' }).click()
      const recovery = fourth.page.getByRole('textbox', { name: 'Recovery code' })
      for (let left = 4; left > 0; left -= 1) {
        await recovery.fill(codes[0])
        await fourth.page.keyboard.press('Enter')
        await alert(fourth.page, 'This code is wrong')
        await fourth.page.getByRole('alert').waitFor()
        await fourth.page.waitForFunction(() => document.querySelector('input[autocomplete=one-time-code]')?.value === '')
      }
      await recovery.fill(codes[0])
      await fourth.page.keyboard.press('Enter')
      await alert(fourth.page, 'Begin again')
      await fourth.context.close()

      await own.page.reload()
      await own.page.getByText('9 are left').waitFor()
      await own.page.getByRole('button', { name: 'Turn off' }).click()
      await dialog.getByRole('textbox', { name: 'Present password' }).fill(PASSWORD)
      await dialog.getByRole('button', { name: 'Turn off' }).click()
      await own.page.getByRole('button', { name: 'Set up an app' }).waitFor()
      await own.context.close()
    },
  },
  'an address is verified by the mailed link, and then codes by mail sign in': {
    async run(tools) {
      const { base, another, out } = tools
      const username = await somebody(base)
      const email = `${username}@example.com`
      const own = await signedIn(tools, username, '/profile')
      let since = Date.now()
      await own.page.getByRole('button', { name: 'Add: E-mail' }).click()
      await own.page.getByRole('dialog').getByRole('textbox', { name: 'E-mail' }).fill(email)
      await own.page.keyboard.press('Enter')
      await alert(own.page.getByRole('dialog'), 'Fill this in')
      await own.page.getByRole('dialog').getByRole('textbox', { name: 'Present password' }).fill(PASSWORD)
      await own.page.keyboard.press('Enter')
      await own.page.getByText(`A link was mailed to ${email}`).waitFor()
      await own.page.getByText('not verified').waitFor()
      const link = await out.mailed(email, /(http\S*\/verify-email#\S+)/, since)
      await follow(own.page, base, link)
      await tools.look(own.page, 'verify-email')
      await own.page.getByRole('button', { name: 'This is my address' }).click()
      await own.page.getByText('Your e-mail address is verified').waitFor()
      await own.page.getByRole('link', { name: 'Go to your profile' }).click()
      await own.page.getByText('verified', { exact: true }).waitFor()
      await follow(own.page, base, link)
      await own.page.reload()
      await own.page.getByRole('button', { name: 'This is my address' }).click()
      await alert(own.page, 'was used')
      await own.context.close()

      // Instead of a password.
      const code = await another()
      await code.page.goto(`${base}/sign-in`)
      await code.page.getByRole('button', { name: 'Get a code by e-mail instead' }).click()
      await code.page.locator('input[autocomplete=username]').fill(username)
      since = Date.now()
      await code.page.keyboard.press('Enter')
      await code.page.getByRole('heading', { name: 'Enter the code' }).waitFor()
      await code.page.locator('input[autocomplete=one-time-code]').fill(await out.mailed(email, /^(\d{6})\s*$/m, since))
      await code.page.keyboard.press('Enter')
      await code.page.waitForURL(`${base}/welcome`)
      await code.context.close()

      // Beside a password, on a device that is new.
      const both = await another()
      await enter(both.page, base, username)
      await both.page.getByRole('heading', { name: 'One more step' }).waitFor()
      since = Date.now()
      await both.page.getByRole('button', { name: 'Send the code' }).click()
      const box = both.page.locator('input[autocomplete=one-time-code]')
      await box.waitFor()
      const first = await out.mailed(email, /^(\d{6})\s*$/m, since)
      since = Date.now()
      await both.page.getByRole('button', { name: 'Send a new code' }).click()
      await both.page.getByText('A new code is on its way').waitFor()
      const second = await out.mailed(email, /^(\d{6})\s*$/m, since)
      if (first !== second) {
        await box.fill(first)
        await both.page.keyboard.press('Enter')
        await alert(both.page, 'This code is wrong')
      }
      await box.fill(second)
      await both.page.keyboard.press('Enter')
      await both.page.waitForURL(`${base}/welcome`)
      await both.context.close()
    },
  },
  'a number is verified by the code that is sent there, and then signs in': {
    async run(tools) {
      const { base, another, out } = tools
      const username = await somebody(base)
      const mobile = `+49151${String(Date.now()).slice(-8)}`
      const own = await signedIn(tools, username, '/profile')
      await own.page.getByRole('button', { name: 'Add: Mobile' }).click()
      await own.page.getByRole('dialog').getByRole('textbox', { name: 'Mobile' }).fill('not a number')
      await own.page.keyboard.press('Enter')
      await alert(own.page.getByRole('dialog'), 'Use 5 to 20 digits')
      await own.page.getByRole('dialog').getByRole('textbox', { name: 'Mobile' }).fill(mobile)
      await own.page.getByRole('dialog').getByRole('textbox', { name: 'Present password' }).fill(PASSWORD)
      await own.page.keyboard.press('Enter')
      let since = Date.now()
      await own.page.getByRole('button', { name: 'Send a code' }).click()
      const dialog = own.page.getByRole('dialog', { name: 'Verify your number' })
      await dialog.getByRole('textbox').fill(await out.texted(mobile, /code is (\d{6})/, since))
      await own.page.keyboard.press('Enter')
      await own.page.getByText('verified', { exact: true }).waitFor()
      await own.context.close()

      const { page, context } = await another()
      await page.goto(`${base}/sign-in?to=/profile/devices`)
      await page.getByRole('button', { name: 'Get a code by text message instead' }).click()
      await page.locator('input[autocomplete=username]').fill(mobile)
      since = Date.now()
      await page.getByRole('button', { name: 'Send the code' }).click()
      await page.locator('input[autocomplete=one-time-code]').fill(await out.texted(mobile, /code is (\d{6})/, since))
      await page.keyboard.press('Enter')
      await page.waitForURL(`${base}/profile/devices`)
      await context.close()
    },
  },
  'a forgotten password is set anew by the mailed link, once': {
    async run(tools) {
      const { base, another, out, settle } = tools
      const { username, email } = await withAddress(base, out)
      const { page, context } = await another()
      await page.goto(`${base}/sign-in`)
      await page.getByRole('link', { name: 'Forgot your password?' }).click()
      await settle(page)
      await tools.look(page, 'forgot')
      const since = Date.now()
      await page.locator('input[autocomplete=username]').fill(username)
      await page.keyboard.press('Enter')
      await page.getByText('a link is on its way').waitFor()
      const link = await out.mailed(email, /(http\S*\/reset-password#\S+)/, since)
      await follow(page, base, link)
      await page.getByRole('textbox', { name: 'New password' }).fill(`${username}99`)
      await page.getByRole('textbox', { name: 'Password again' }).fill(`${username}99`)
      await page.keyboard.press('Enter')
      await alert(page, 'too easy to guess')
      await tools.look(page, 'reset')
      const fresh = 'seven other odd words stand here'
      await page.getByRole('textbox', { name: 'New password' }).fill(fresh)
      await page.getByRole('textbox', { name: 'Password again' }).fill(fresh)
      await page.keyboard.press('Enter')
      await page.getByText('Your new password is set').waitFor()
      await follow(page, base, link)
      await page.reload()
      await page.getByRole('textbox', { name: 'New password' }).fill(fresh)
      await page.getByRole('textbox', { name: 'Password again' }).fill(fresh)
      await page.keyboard.press('Enter')
      await alert(page, 'was used')
      await enter(page, base, username)
      await alert(page, 'Account or password is wrong')
      await enter(page, base, username, fresh)
      await page.getByRole('heading', { name: 'One more step' }).waitFor()
      await context.close()
    },
  },
  'an account at a provider is bound, signs in to where one wanted to go, and is unbound': {
    async run(tools) {
      const { base, another, out } = tools
      const username = await somebody(base)
      out.state.person = `subject-${username}`
      const stranger = await another()
      await stranger.page.goto(`${base}/sign-in`)
      await stranger.page.getByRole('button', { name: 'Sign in with Corp' }).click()
      await alert(stranger.page, 'bound to nobody here')
      assert.equal(new URL(stranger.page.url()).hash, '')
      await stranger.context.close()

      const own = await signedIn(tools, username, '/profile/security')
      await bindAgain(own.page)
      await own.page.getByText('Your account at Corp is bound').waitFor()
      await tools.look(own.page, 'profile-bound')
      await own.page.reload()
      await own.page.getByText(out.state.person).waitFor()
      assert.equal(await own.page.getByText('Your account at Corp is bound').count(), 0)

      const there = await another()
      await there.page.goto(`${base}/profile/devices`)
      await there.page.getByRole('button', { name: 'Sign in with Corp' }).click()
      await there.page.waitForURL(`${base}/profile/devices`)
      await there.context.close()

      // The same account, by somebody else.
      const other = await signedIn(tools, await somebody(base), '/profile/security')
      await bindAgain(other.page)
      await alert(other.page, 'bound to somebody else')
      out.state.person = undefined
      await bindAgain(other.page)
      await alert(other.page, 'You did not allow it there')
      await other.context.close()

      await own.page.getByRole('button', { name: 'Unbind' }).click()
      await own.page.getByRole('dialog').getByRole('button', { name: 'Unbind' }).click()
      await own.page.getByRole('listitem').filter({ hasText: `subject-${username}` }).waitFor({ state: 'detached' })
      await own.context.close()
    },
  },
  'a provider’s sign-in asks for the second factor, too': {
    async run(tools) {
      const { base, another, out } = tools
      const { username, email } = await withAddress(base, out)
      out.state.person = `subject-${username}`
      const first = await another()
      await enter(first.page, base, username, PASSWORD, '/profile/security')
      let since = Date.now()
      await first.page.getByRole('button', { name: 'Send the code' }).click()
      await first.page.locator('input[autocomplete=one-time-code]').fill(await out.mailed(email, /^(\d{6})\s*$/m, since))
      await first.page.keyboard.press('Enter')
      await bindAgain(first.page)
      await first.page.getByText('Your account at Corp is bound').waitFor()
      await first.context.close()

      const { page, context } = await another()
      await page.goto(`${base}/profile`)
      await page.getByRole('button', { name: 'Sign in with Corp' }).click()
      await page.getByRole('heading', { name: 'One more step' }).waitFor()
      assert.equal(new URL(page.url()).hash, '', 'nobody copies the question from the address')
      since = Date.now()
      await page.getByRole('button', { name: 'Send the code' }).click()
      await page.locator('input[autocomplete=one-time-code]').fill(await out.mailed(email, /^(\d{6})\s*$/m, since))
      await page.keyboard.press('Enter')
      await page.waitForURL(`${base}/profile`)
      await context.close()
    },
  },
  'a device is revoked and is out, and everywhere means everywhere': {
    async run(tools) {
      const { base, settle } = tools
      const username = await somebody(base)
      const own = await signedIn(tools, username, '/profile/devices')
      const lost = await signedIn(tools, username, '/profile')
      await own.page.reload()
      await settle(own.page)
      assert.equal(await own.page.locator('tbody tr').count(), 2)
      const row = own.page.locator('tbody tr').filter({ hasNotText: 'this one' })
      await row.getByRole('button', { name: /^Revoke/ }).click()
      await own.page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
      await row.waitFor({ state: 'detached' })
      await lost.page.reload()
      await lost.page.waitForURL(/sign-in/)
      await lost.context.close()
      await own.page.getByRole('button', { name: 'Sign out everywhere' }).click()
      await own.page.getByRole('dialog').getByRole('button', { name: 'Sign out everywhere' }).click()
      await own.page.getByText('You are signed out everywhere').waitFor()
      await own.context.close()
    },
  },
  'a key for one application is made, replaced and withdrawn': {
    async run(tools) {
      const { base } = tools
      const olga = await client(base, 'olga')
      const application = (await olga('GET', '/applications?limit=1')).items[0]
      assert.ok(application, 'there is no application to make a key for')
      const own = await signedIn(tools, 'olga', '/profile/keys')
      const name = `pipeline ${Date.now()}`
      await own.page.getByRole('button', { name: 'New API key' }).click()
      const dialog = own.page.getByRole('dialog')
      await dialog.getByRole('textbox', { name: 'Name' }).fill(name)
      await dialog.getByRole('combobox', { name: 'Only for' }).selectOption({ label: application.name })
      await dialog.getByRole('button', { name: 'Create' }).click()
      const old = (await dialog.getByRole('region', { name: 'API keys' }).innerText()).trim()
      assert.match(old, /^dw_/)
      await dialog.getByRole('button', { name: 'Done' }).click()
      const row = own.page.getByRole('row', { name: new RegExp(name) })
      await row.getByText(application.name).waitFor()
      const uses = (key) => fetch(`${base}/api/v1/applications/${application.id}`, { headers: { authorization: `Bearer ${key}` } })
      assert.equal((await uses(old)).status, 200)
      await row.getByRole('button', { name: `Replace: ${name}` }).click()
      await dialog.getByRole('combobox', { name: 'The old key works on for' }).selectOption({ label: 'not at all' })
      await dialog.getByRole('button', { name: 'Replace' }).click()
      const fresh = (await dialog.getByRole('region', { name: 'API keys' }).innerText()).trim()
      await dialog.getByRole('button', { name: 'Done' }).click()
      assert.notEqual(fresh, old)
      assert.deepEqual([(await uses(old)).status, (await uses(fresh)).status], [401, 200])
      // The one that was replaced may be listed, too.
      const withdraw = own.page.getByRole('button', { name: `Withdraw: ${name}` })
      for (let left = await withdraw.count(); left > 0; left -= 1) {
        await withdraw.first().click()
        await dialog.getByRole('button', { name: 'Withdraw' }).click()
        await own.page.waitForFunction(
          ([text, fewer]) => [...document.querySelectorAll('tbody tr')].filter((one) => one.textContent.includes(text)).length < fewer,
          [name, left],
        )
      }
      assert.equal((await uses(fresh)).status, 401)
      await own.context.close()
    },
  },
  'a kind of account gets a name and keeps its code': {
    async run({ page, base, settle, another }) {
      const code = `story-${Date.now()}`
      await page.goto(`${base}/admin/binding-types`)
      await settle(page)
      await page.getByRole('button', { name: 'New kind' }).click()
      await page.getByRole('dialog').getByRole('textbox', { name: 'Code' }).fill('Not A Code')
      await page.getByRole('dialog').getByRole('textbox', { name: 'Name' }).fill('Company badge')
      await page.keyboard.press('Enter')
      await page.getByRole('dialog').getByRole('alert').waitFor()
      await page.getByRole('dialog').getByRole('textbox', { name: 'Code' }).fill(code)
      await page.keyboard.press('Enter')
      const row = page.getByRole('row', { name: new RegExp(code) })
      await row.getByRole('button', { name: 'Change: Company badge' }).click()
      await page.getByRole('dialog').getByRole('textbox', { name: 'Name' }).fill('Badge')
      await page.keyboard.press('Enter')
      await row.getByText('Badge', { exact: true }).waitFor()
      const mary = await another('mary')
      await mary.page.goto(`${base}/admin/binding-types`)
      await mary.page.getByRole('row', { name: new RegExp(code) }).waitFor()
      assert.equal(await mary.page.getByRole('button', { name: /^Change: / }).count(), 0)
    },
  },
}
