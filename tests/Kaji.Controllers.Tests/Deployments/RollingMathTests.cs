using Kaji.Controllers.Deployments;
using static Kaji.Controllers.Tests.Objects;

namespace Kaji.Controllers.Tests.Deployments;

public sealed class RollingMathTests
{
    [Theory]
    [InlineData(10, "25%", "25%", 3, 2)]
    [InlineData(1, "25%", "25%", 1, 0)]
    [InlineData(4, "0", "1%", 0, 1)]
    [InlineData(3, "0%", "0%", 0, 1)]
    [InlineData(3, "2", "9", 2, 3)]
    [InlineData(3, null, null, 1, 0)]
    public void Limits_SurgeRoundsUp_UnavailableDown_NeverBothZero(int replicas, string? surge, string? unavailable, int expectedSurge, int expectedUnavailable) =>
        Assert.Equal((expectedSurge, expectedUnavailable), RollingMath.Limits(Deployment(replicas, surge, unavailable)));

    [Fact]
    public void Limits_Recreate_HasNone() => Assert.Equal((0, 0), RollingMath.Limits(Deployment(5, strategy: "Recreate")));

    [Theory]
    [InlineData(10, 3, 0, 10, 3)]
    [InlineData(10, 3, 3, 13, 3)]
    [InlineData(10, 3, 8, 10, 10)]
    [InlineData(5, 1, 8, 8, 5)]
    public void NewSize_FillsTheSurge(int wanted, int surge, int size, int all, int expected) => Assert.Equal(expected, RollingMath.NewSize(wanted, surge, size, all));

    [Fact]
    public void OldSizes_UnavailablePodsGoFirst() =>
        Assert.Equal([4, 4], RollingMath.OldSizes(10, 2, 3, 0, [(4, 4, 4), (6, 3, 3)]));
}
