/**
 * The seconds left, as a line around the code that grows shorter. It moves too little at a time to be seen moving,
 * and says nothing to a screen reader.
 */

const STEP_MS = 250;
/** For visitors who asked for less motion. */
const CALM_STEP_MS = 5_000;

export class Ring {
  /** @param {SVGPathElement} line a path whose `pathLength` is 1 */
  constructor(line) {
    this.line = line;
    this.timer = 0;
    this.calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  }

  /**
   * @param {number} deadlineMs on the clock of `performance.now`
   * @param {number} lifeMs what a full ring stands for
   */
  run(deadlineMs, lifeMs) {
    this.stop();
    const draw = () => {
      const leftMs = Math.max(0, deadlineMs - performance.now());
      this.#draw(lifeMs > 0 ? leftMs / lifeMs : 0);
      if (leftMs > 0) this.timer = setTimeout(draw, this.calm.matches ? CALM_STEP_MS : STEP_MS);
    };
    draw();
  }

  stop() {
    clearTimeout(this.timer);
  }

  #draw(share) {
    this.line.style.strokeDashoffset = String(share - 1);
    this.line.style.opacity = share > 0 ? "1" : "0";
  }
}
