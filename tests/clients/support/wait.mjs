// Waiting for what must happen, each time with a bound. Nothing here sleeps to
// let something happen: "nothing arrived" is shown by what arrived after it.

export const patience = Number(process.env.VELO_TEST_PATIENCE ?? 20_000)

/** `promise`, or an error that names `what` after `ms`. */
export async function within(ms, promise, what) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms} ms for ${what}`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** For state that announces nothing: asks `probe` until it gives something truthy. */
export async function until(probe, what, ms = patience) {
  const deadline = Date.now() + ms
  for (;;) {
    const value = await probe()
    if (value) return value
    if (Date.now() > deadline) throw new Error(`waited ${ms} ms for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const endings = new WeakMap()

/**
 * Has `end` run after the test `t`. What was opened last ends first: a client
 * that is let go of before its server leaves no timer behind.
 */
export function afterwards(t, end) {
  if (!endings.has(t)) {
    const stack = []
    endings.set(t, stack)
    t.after(async () => {
      for (const step of stack.reverse()) await step()
    })
  }
  endings.get(t).push(end)
}

/** What has arrived, in order, and a promise for what is to come. */
export class Inbox {
  constructor(name) {
    this.name = name
    this.items = []
    this.taken = 0
    this.waiting = []
  }

  push(item) {
    this.items.push(item)
    for (const wake of this.waiting.splice(0)) wake()
  }

  /** The next item not taken yet. */
  async next(ms = patience) {
    while (this.taken >= this.items.length) {
      await within(ms, new Promise((resolve) => this.waiting.push(resolve)), this.describe())
    }
    return this.items[this.taken++]
  }

  /** The next `count` items. */
  async take(count, ms = patience) {
    const items = []
    while (items.length < count) items.push(await this.next(ms))
    return items
  }

  /** The first item from here on for which `wanted` holds; those before it are skipped. */
  async find(wanted, ms = patience) {
    for (;;) {
      const item = await this.next(ms)
      if (wanted(item)) return item
    }
  }

  /** Items nobody took yet. */
  get rest() {
    return this.items.slice(this.taken)
  }

  describe() {
    const seen = JSON.stringify(this.items.slice(-5))
    return `the next of ${this.name}; arrived so far: ${this.items.length}, the last: ${seen}`
  }
}
