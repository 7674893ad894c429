using Kaji.Bots.Api;
using Kaji.Bots.Warden;

namespace Kaji.Bots.Tests;

/// <summary>The file of a halt made on one machine, and the Halt that is made of it.</summary>
public sealed class LocalOrderTests
{
    [Theory]
    [InlineData(true, "odd", null)]
    [InlineData(false, "", null)]
    [InlineData(false, "", "local-1")]
    [InlineData(true, "the exchange is odd", "local-1")]
    public void Order_IsReadAsItWasWritten(bool flatten, string why, string? halt)
    {
        var order = new LocalOrder(flatten, why, halt);
        Assert.Equal(order, LocalOrder.Parse(order.Format()));
    }

    [Fact]
    public void WhyOfSeveralLines_NamesNoHalt() => Assert.Equal(new LocalOrder(false, "a local-1", null), LocalOrder.Parse(new LocalOrder(false, "a\nlocal-1", null).Format()));

    [Theory]
    [InlineData("")]
    [InlineData("\0\0\0")]
    public void DamagedFile_IsAHalt(string text) => Assert.Equal((false, null), (LocalOrder.Parse(text).Flatten, LocalOrder.Parse(text).Halt));

    [Fact]
    public void Name_IsTheSameForOneOrder_AndAnotherForTheNext()
    {
        var (order, written) = (new LocalOrder(false, "x", null), new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        Assert.Equal(order.NameOn("a", written), order.NameOn("a", written));
        Assert.Distinct([order.NameOn("a", written), order.NameOn("b", written), order.NameOn("a", written.AddTicks(1)), (order with { Why = "y" }).NameOn("a", written)]);
    }

    [Fact]
    public void Bots_AreAdded_NeverTakenOut()
    {
        var halt = new HaltSpec { Bots = ["n/b"], Why = "x" };
        Assert.Null(LocalOrder.Adding(halt, []));
        Assert.Null(LocalOrder.Adding(halt, ["n/b"]));
        Assert.Equal(["n/a", "n/b"], LocalOrder.Adding(halt, ["n/a"])!.Bots!);
        Assert.Equal("x", LocalOrder.Adding(halt, ["n/a"])!.Why);
    }
}
