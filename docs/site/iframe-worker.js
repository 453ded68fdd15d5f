// Browsers start no worker for a page that was opened from a file, and the search runs in one. On such pages this runs
// the worker's script in a hidden frame instead, with the same messages.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      this.frame = document.createElement("iframe")
      this.frame.hidden = true
      this.waiting = []
      this.ready = false
      document.body.append(this.frame)
      const inside = this.frame.contentWindow
      const answer = data => this.dispatchEvent(new MessageEvent("message", {data}))
      inside.postMessage = data => setTimeout(answer, 0, data)
      inside.importScripts = () => { throw new Error("a worker in a frame imports no further scripts") }
      const script = inside.document.createElement("script")
      script.src = url
      script.onload = () => {
        this.ready = true
        this.waiting.splice(0).forEach(data => this.deliver(data))
      }
      inside.document.body.append(script)
    }

    postMessage(data) {
      if (this.ready) setTimeout(() => this.deliver(data), 0)
      else this.waiting.push(data)
    }

    deliver(data) {
      const inside = this.frame.contentWindow
      inside.dispatchEvent(new inside.MessageEvent("message", {data}))
    }

    terminate() {
      this.frame.remove()
    }
  }
}
