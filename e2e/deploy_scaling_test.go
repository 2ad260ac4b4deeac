package e2e

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// A service under load gets more tasks, by the balancer's counts and by the
// containers' processor time, and gives them back when the load is gone.
func TestAServiceUnderLoadScales(t *testing.T) {
	t.Parallel()
	b := &badDays{site: newSite(t)}
	b.push()
	b.group = b.targetGroup("web", time.Second)
	b.listen(b.group)
	b.good = b.version("1", nil)
	b.create("web", b.good, 1, b.group)
	b.scalable("1", "3")
	parts := func(arn, from string) string { _, after, _ := strings.Cut(arn, from); return after }
	label := parts(b.loadBalancer, "loadbalancer/") + "/targetgroup/" + parts(b.group, "targetgroup/")
	t.Run("requests", func(t *testing.T) {
		b.track("requests", "60", "PredefinedMetricType=ALBRequestCountPerTarget,ResourceLabel="+label)
		b.follows(func() { b.ask("/", 50*time.Millisecond) })
	})
	b.must("application-autoscaling", "delete-scaling-policy", "--service-namespace", "ecs", "--resource-id", "service/"+b.cluster+"/web", "--scalable-dimension", "ecs:service:DesiredCount", "--policy-name", "requests")
	t.Run("processor time", func(t *testing.T) {
		b.track("cpu", "50", "PredefinedMetricType=ECSServiceAverageCPUUtilization")
		b.follows(func() { b.ask("/burn?for=30ms", 50*time.Millisecond) })
	})
	got := b.must("application-autoscaling", "describe-scaling-activities", "--service-namespace", "ecs", "--query", "ScalingActivities[].Cause")
	if !strings.Contains(got, "triggered policy requests") || !strings.Contains(got, "triggered policy cpu") {
		t.Errorf("activities: %s", got)
	}
}

func (b *badDays) scalable(least, most string) {
	b.must("application-autoscaling", "register-scalable-target", "--service-namespace", "ecs", "--resource-id", "service/"+b.cluster+"/web", "--scalable-dimension", "ecs:service:DesiredCount",
		"--min-capacity", least, "--max-capacity", most)
}

func (b *badDays) track(name, target, metric string) {
	b.must("application-autoscaling", "put-scaling-policy", "--service-namespace", "ecs", "--resource-id", "service/"+b.cluster+"/web", "--scalable-dimension", "ecs:service:DesiredCount",
		"--policy-name", name, "--policy-type", "TargetTrackingScaling", "--target-tracking-scaling-policy-configuration",
		"TargetValue="+target+",ScaleOutCooldown=0,ScaleInCooldown=0,PredefinedMetricSpecification={"+metric+"}")
}

// follows puts the service under load until it has three tasks, and waits until
// it has one again without.
func (b *badDays) follows(once func()) {
	b.t.Helper()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					once()
				}
			}
		})
	}
	ended := sync.OnceFunc(func() { close(stop); wg.Wait() })
	defer ended()
	b.until("three tasks under load", func(s types.Service) bool { return s.RunningCount == 3 && s.DesiredCount == 3 })
	ended()
	b.until("one task without", func(s types.Service) bool { return s.RunningCount == 1 && s.DesiredCount == 1 })
}

// ask makes a request and pauses.
func (b *badDays) ask(path string, pause time.Duration) {
	req, _ := http.NewRequest("GET", "http://"+b.lookup("SLIPWAY_HTTP")+path, nil)
	req.Host = "web.example.test"
	if resp, err := http.DefaultClient.Do(req); err == nil {
		resp.Body.Close()
	}
	time.Sleep(pause)
}
