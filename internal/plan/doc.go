// Package plan decides what a deploy has to do: Wanted lists the resources that
// slipway.yaml asks for, Make compares them with what an account has and gives
// the steps, each with its reasons. It is pure: it calls nothing and knows
// neither AWS nor the engine. `slipway plan` shows what it says, cloud does it.
package plan
