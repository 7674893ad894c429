using Kaji.Controllers.ReplicaSets;
using Microsoft.Extensions.Time.Testing;

namespace Kaji.Controllers.Tests.ReplicaSets;

public sealed class ExpectationsTests
{
    private readonly FakeTimeProvider _time = new(Objects.Now);

    [Fact]
    public void Wait_UntilAllIsSeen()
    {
        var expectations = new Expectations(_time);
        Assert.Null(expectations.Wait("owner"));
        expectations.Expect("owner", "+a");
        expectations.Expect("owner", "-b");
        expectations.Seen("owner", "+a");
        Assert.NotNull(expectations.Wait("owner"));
        Assert.Null(expectations.Wait("another"));
        Assert.True(expectations.Expects("owner", "-b"));
        expectations.Seen("owner", "-b");
        Assert.Null(expectations.Wait("owner"));
    }

    [Fact]
    public void Wait_NotForEver()
    {
        var expectations = new Expectations(_time);
        expectations.Expect("owner", "+lost");
        Assert.Equal(Expectations.Lifetime, expectations.Wait("owner"));
        _time.Advance(Expectations.Lifetime);
        Assert.Null(expectations.Wait("owner"));
    }
}
