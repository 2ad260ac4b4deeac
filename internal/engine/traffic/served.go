package traffic

import "github.com/slipway-dev/slipway/internal/engine/elbv2"

// Served is a listener and where this machine serves it.
type Served struct {
	LoadBalancer string `json:"loadBalancer"`
	Host         string `json:"host"`
	Protocol     string `json:"protocol"`
	Port         int    `json:"port"`
	// Address is the local host:port; "" while it is not served.
	Address string `json:"address"`
}

// Served lists all listeners, those of the oldest load balancer first.
func (c *Controller) Served() []Served {
	at, all := c.balancer.Addresses(), []Served{}
	tx := c.env.Store.View()
	for scope, lb := range oldestFirst(tx) {
		for l := range elbv2.ListenersOf(tx, scope, lb.ARN) {
			s := Served{LoadBalancer: lb.Name, Host: lb.DNSName, Protocol: string(l.Protocol), Port: l.Port}
			if a, ok := at[l.ARN]; ok {
				s.Address = a.String()
			}
			all = append(all, s)
		}
	}
	return all
}
