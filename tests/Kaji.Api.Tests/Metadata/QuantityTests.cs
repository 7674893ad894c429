using Kaji.Api.Metadata;

namespace Kaji.Api.Tests.Metadata;

public sealed class QuantityTests
{
    [Theory]
    [InlineData("1Gi", "1Gi")]
    [InlineData("1024Mi", "1Gi")]
    [InlineData("1536Mi", "1536Mi")]
    [InlineData("1.5Gi", "1536Mi")]
    [InlineData("0.5Ki", "512")]
    [InlineData("1000", "1k")]
    [InlineData("1500m", "1500m")]
    [InlineData("0.1", "100m")]
    [InlineData("2000m", "2")]
    [InlineData("1e3", "1e3")]
    [InlineData("10e3", "10e3")]
    [InlineData("1E6", "1e6")]
    [InlineData("5G", "5G")]
    [InlineData("-2Mi", "-2Mi")]
    [InlineData("0Gi", "0")]
    public void Text_IsCanonicalInItsOwnSuffixes(string text, string canonical) => Assert.Equal(canonical, Quantity.Parse(text).ToString());

    [Theory]
    [InlineData("1Gi", "512Mi", "1536Mi")]
    [InlineData("0", "1Gi", "1Gi")]
    [InlineData("100m", "0.4", "500m")]
    public void Sum_HasTheFirstOnesSuffixes(string a, string b, string sum) => Assert.Equal(sum, (Quantity.Parse(a) + Quantity.Parse(b)).ToString());

    [Theory]
    [InlineData("")]
    [InlineData("Gi")]
    [InlineData("1gi")]
    [InlineData("1.2.3")]
    [InlineData("1e999")]
    public void Text_ThatIsNone_IsRefused(string text) => Assert.False(Quantity.TryParse(text, out _));

    [Fact]
    public void Equal_WhateverTheSuffix() => Assert.Equal(Quantity.Parse("1Ki"), Quantity.Parse("1024"));
}
