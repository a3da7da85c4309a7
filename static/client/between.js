// Hearing a function of the browser without standing between it and the page.

// Gives a function that takes the place of `native`: it tells `before` the arguments, calls `native` as a method of `self`, and
// answers with what `after` makes of its answer. While `native` runs, no script of ours is on the stack. That is the whole point:
// browsers name the innermost script as the place of a message, and around a plain wrapper that is the wrapper.
//
// So the calls are made by functions of the language itself. The proxy's trap is `fold.call`, found on `fold` under the name
// `apply`: called with the target, `this` and the list of arguments, it is `reduce` over the three steps, with that list as the first
// result. `this` is bound to `turn`, the callback of `reduce`: a proxy whose trap is whatever step was just read from `turns`.
function between(native, self, before, after = (answer) => answer) {
  const given = [];
  let step;
  const steps = [
    (_target, _this, [args]) => {
      try {
        before(args);
      } catch {
        // The page's own call goes on.
      }
      given.splice(0, given.length, ...args);
    },
    Reflect.apply.bind(null, native, self, given),
    (_target, _this, [answer]) => {
      // What a page logs is not kept alive by us.
      given.length = 0;
      return after(answer);
    },
  ];
  const turns = new Proxy(steps, { get: (all, index) => (step = all[index]) });
  const turn = new Proxy(() => {}, {
    get apply() {
      return step;
    },
  });
  const fold = Array.prototype.reduce.bind(turns);
  Object.defineProperty(fold, "apply", { value: Function.prototype.call });
  const both = new Proxy(native, fold).bind(turn);
  return Object.defineProperties(both, { name: { value: native.name }, length: { value: native.length } });
}
