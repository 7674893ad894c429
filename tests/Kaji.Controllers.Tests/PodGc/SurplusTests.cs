using k8s.Models;
using Kaji.Controllers.PodGc;

namespace Kaji.Controllers.Tests.PodGc;

public sealed class SurplusTests
{
    private static readonly DateTime Begin = new(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    [Fact]
    public void Surplus_IsTheOldestOfTheEnded()
    {
        V1Pod[] pods = [Pod("c", "Failed", 3), Pod("a", "Succeeded", 1), Pod("r", "Running", 0), Pod("b", "Succeeded", 2)];
        Assert.Equal(["a", "b"], PodGcController.Surplus(pods, 1).Select(p => p.Metadata.Name));
        Assert.Empty(PodGcController.Surplus(pods, 3));
    }

    private static V1Pod Pod(string name, string phase, int age) => new()
    {
        Metadata = new V1ObjectMeta { Name = name, CreationTimestamp = Begin.AddMinutes(age) }, Spec = new V1PodSpec(), Status = new V1PodStatus { Phase = phase },
    };
}
